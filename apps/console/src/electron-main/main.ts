import { join } from 'node:path';
import { isPlumblineError, toErrorReport } from '@plumbline/contract';
import { app, type BrowserWindow, ipcMain, protocol, session } from 'electron';
import { feedUrlOf } from '../common/feed-url.js';
import { FEED_ADDRESS_CHANNEL, type FeedAddress } from '../common/shell-bridge.js';
import { openConsoleWindow } from './console-window.js';
import { confine, isTrustedSender, lockSession } from './hardening.js';
import { APP_SCHEME, loadAsset, pagePolicy } from './page-assets.js';
import { parseShellArguments, type ShellArguments } from './shell-arguments.js';
import { readToken } from './token-file.js';

/** The desktop shell: one window with the page that the daemon also serves, and a token for its feed. */
function main(): void {
  const shell = readArguments();
  if (!shell) return;
  if (!app.requestSingleInstanceLock()) {
    app.exit(0);
    return;
  }
  let window: BrowserWindow | null = null;
  app.enableSandbox();
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
  app.on('web-contents-created', (_event, contents) => confine(contents));
  app.on('window-all-closed', () => app.quit());
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore();
    window?.focus();
  });
  void app.whenReady().then(() => {
    servePage(join(app.getAppPath(), 'dist', 'renderer'), pagePolicy(shell.daemon));
    lockSession(session.defaultSession);
    ipcMain.handle(FEED_ADDRESS_CHANNEL, (event): Promise<FeedAddress> => {
      if (!isTrustedSender(event, window)) throw new Error('untrusted sender');
      return feedAddress(shell);
    });
    window = openConsoleWindow(join(app.getAppPath(), 'dist', 'preload', 'preload.cjs'), () => app.exit(1));
    window.on('closed', () => {
      window = null;
    });
  });
}

/** Prints what is wrong with the command line and ends the program with 2. */
function readArguments(): ShellArguments | null {
  try {
    return parseShellArguments(process.argv.slice(1), process.cwd());
  } catch (error) {
    const report = toErrorReport(error);
    process.stderr.write(`${report.code}: ${report.message}\n${report.help}\n`);
    app.exit(isPlumblineError(error) && error.kind === 'input' ? 2 : 1);
    return null;
  }
}

function servePage(folder: string, policy: string): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const { status, headers, body } = await loadAsset(folder, request.url, policy);
    return new Response(new Uint8Array(body), { status, headers });
  });
}

async function feedAddress(shell: ShellArguments): Promise<FeedAddress> {
  try {
    return { url: feedUrlOf(shell.daemon, await readToken(shell.tokenFile)), problem: null };
  } catch (error) {
    return { url: null, problem: toErrorReport(error) };
  }
}

main();
