import type { BrowserWindow, IpcMainInvokeEvent, Session, WebContents, WebPreferences } from 'electron';
import { APP_ORIGIN } from './page-assets.js';

/** Web preferences of the only window. The defaults of current versions, written out so that a change is seen. */
export const PAGE_PREFERENCES: WebPreferences = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webviewTag: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  experimentalFeatures: false,
  navigateOnDragDrop: false,
  spellcheck: false,
};

export function originOf(address: string): string {
  try {
    const { protocol, host } = new URL(address);
    return `${protocol}//${host}`;
  } catch {
    return '';
  }
}

/** The page stays on its own origin, opens nothing and embeds nothing. Applied to every web contents. */
export function confine(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  const stay = (event: Electron.Event, address: string) => {
    if (originOf(address) !== APP_ORIGIN) event.preventDefault();
  };
  contents.on('will-navigate', (event) => stay(event, event.url));
  contents.on('will-redirect', (event) => stay(event, event.url));
  contents.on('will-frame-navigate', (event) => stay(event, event.url));
  contents.on('will-attach-webview', (event) => event.preventDefault());
}

/**
 * Chromium 142 and later asks these before a page may open a WebSocket to this machine or this network: without them
 * the console is cut off from its daemon.
 */
const DAEMON_PERMISSIONS = new Set(['loopback-network', 'local-network-access']);

/** Denies every permission except reaching the daemon, every download and every device. */
export function lockSession(session: Session): void {
  session.setPermissionRequestHandler((_contents, permission, answer, details) => {
    answer(DAEMON_PERMISSIONS.has(permission) && originOf(details.requestingUrl) === APP_ORIGIN);
  });
  session.setPermissionCheckHandler(
    (_contents, permission, requestingOrigin) =>
      DAEMON_PERMISSIONS.has(permission) && originOf(requestingOrigin) === APP_ORIGIN,
  );
  session.setDevicePermissionHandler(() => false);
  session.on('will-download', (event) => event.preventDefault());
}

/** True for a call from the main frame of the given window, while it shows our own page. */
export function isTrustedSender(event: IpcMainInvokeEvent, window: BrowserWindow | null): boolean {
  if (!window || window.isDestroyed() || event.sender.id !== window.webContents.id) return false;
  const frame = event.senderFrame;
  return frame !== null && frame === window.webContents.mainFrame && originOf(frame.url) === APP_ORIGIN;
}
