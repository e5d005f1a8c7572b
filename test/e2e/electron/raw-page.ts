import { type ChildProcess, spawn } from 'node:child_process';
import { WebSocket } from 'ws';

/**
 * The shell's page over the plain DevTools protocol. For the few things that stop the driver: with it attached,
 * Electron 9 never returns from `window.open`, and a denied navigation leaves it waiting for the page.
 */
export class RawPage {
  #nextId = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly socket: WebSocket,
  ) {}

  /** @param command program and arguments that start the shell */
  static async start(
    command: string,
    args: string[],
    options: { env: Record<string, string>; cwd: string },
  ): Promise<RawPage> {
    const child = spawn(command, [...args, '--remote-debugging-port=0'], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      let text = '';
      child.stderr.on('data', (chunk) => {
        text += chunk;
        const found = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(text);
        if (found) resolve(Number(found[1]));
      });
      child.once('exit', (code) => reject(new Error(`the shell ended with ${code}: ${text}`)));
    });
    for (;;) {
      const page = (await listPages(port)).find(({ url }) => url.startsWith('app://'));
      if (page) {
        const socket = new WebSocket(page.webSocketDebuggerUrl);
        await new Promise((resolve) => socket.once('open', resolve));
        return new RawPage(child, port, socket);
      }
    }
  }

  /** Value of an expression in the page, as after a touch of the user. */
  evaluate(expression: string): Promise<unknown> {
    this.#nextId += 1;
    const id = this.#nextId;
    return new Promise((resolve) => {
      const onMessage = (data: unknown) => {
        const message = JSON.parse(String(data)) as { id?: number; result?: { result?: { value?: unknown } } };
        if (message.id !== id) return;
        this.socket.off('message', onMessage);
        resolve(message.result?.result?.value);
      };
      this.socket.on('message', onMessage);
      const params = { expression, userGesture: true, returnByValue: true };
      this.socket.send(JSON.stringify({ id, method: 'Runtime.evaluate', params }));
    });
  }

  /** Addresses of all open pages of the shell. */
  async pages(): Promise<string[]> {
    return (await listPages(this.port)).map(({ url }) => url);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.socket.terminate();
    this.child.kill('SIGKILL');
    await ended;
  }
}

async function listPages(port: number): Promise<{ url: string; webSocketDebuggerUrl: string }[]> {
  const response = await fetch(`http://127.0.0.1:${port}/json`);
  const targets = (await response.json()) as { type: string; url: string; webSocketDebuggerUrl: string }[];
  return targets.filter(({ type }) => type === 'page');
}
