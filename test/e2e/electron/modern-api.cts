/**
 * Loaded before the product in the specs only: gives Electron 9 the parts of today's API that the shell is written
 * against (protocol.handle, setWindowOpenHandler, senderFrame, mainFrame, render-process-gone, setDevicePermissionHandler,
 * Response), each on top of what 9 has. The product itself knows nothing of this.
 */
import electron = require('electron');

// biome-ignore lint/suspicious/noExplicitAny: parts of two versions of one API, typed in neither
type Loose = Record<string, any>;
const { app, ipcMain, protocol, session } = electron as unknown as {
  [K in 'app' | 'ipcMain' | 'protocol' | 'session']: Loose;
};

class AssetResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(
    readonly body: Uint8Array,
    init: { status: number; headers: Record<string, string> },
  ) {
    this.status = init.status;
    this.headers = init.headers;
  }
}
(globalThis as Loose).Response = AssetResponse;

protocol.handle = (scheme: string, handler: (request: { url: string }) => Promise<AssetResponse>): void => {
  protocol.registerBufferProtocol(scheme, (request: { url: string }, answer: (reply: unknown) => void) => {
    handler(request).then(
      ({ status, headers, body }) => {
        const { 'Content-Type': type = 'text/plain', ...rest } = headers;
        answer({
          statusCode: status,
          mimeType: type.split(';')[0],
          charset: 'utf-8',
          headers: rest,
          data: Buffer.from(body),
        });
      },
      () => answer({ error: -2 }),
    );
  });
};

app.on('web-contents-created', (_event: unknown, contents: Loose) => {
  const mainFrame = {
    routingId: -1,
    get url(): string {
      return contents.getURL();
    },
  };
  Object.defineProperty(contents, 'mainFrame', { value: mainFrame });
  contents.on(
    'did-frame-navigate',
    (_e: unknown, _url: string, _code: number, _text: string, isMain: boolean, _process: number, routingId: number) => {
      if (isMain) mainFrame.routingId = routingId;
    },
  );
  contents.setWindowOpenHandler = (handler: (details: { url: string }) => { action: string }) => {
    contents.on('new-window', (event: Event, url: string) => {
      if (handler({ url }).action === 'deny') event.preventDefault();
    });
  };
  contents.on('crashed', (event: unknown, isKilled: boolean) => {
    contents.emit('render-process-gone', event, { reason: isKilled ? 'killed' : 'crashed', exitCode: 0 });
  });
  // Today the address is on the event, in 9 it is the second argument.
  const on = contents.on.bind(contents);
  contents.on = (name: string, listener: (...args: unknown[]) => void) =>
    on(name, (event: Loose, ...rest: unknown[]) => {
      if (/^will-(navigate|redirect|frame-navigate)$/.test(name) && typeof rest[0] === 'string') event.url = rest[0];
      listener(event, ...rest);
    });
});

const handle = ipcMain.handle.bind(ipcMain);
ipcMain.handle = (channel: string, listener: (event: Loose, ...args: unknown[]) => unknown) =>
  handle(channel, (event: Loose, ...args: unknown[]) => {
    const { mainFrame } = event.sender;
    event.senderFrame = event.frameId === mainFrame.routingId ? mainFrame : { url: event.sender.getURL() };
    return listener(event, ...args);
  });

app.once('ready', () => {
  const first = session.defaultSession;
  first.setDevicePermissionHandler = () => {};
});
