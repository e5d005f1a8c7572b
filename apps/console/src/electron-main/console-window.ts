import { BrowserWindow } from 'electron';
import { PAGE_PREFERENCES } from './hardening.js';
import { PAGE_URL } from './page-assets.js';

/** Reloads after a crash of the page: more than these within a minute and the shell ends instead of looping. */
const MOST_RELOADS_PER_MINUTE = 5;
const RELOAD_DELAY_MS = 200;

/**
 * The only window. A crashed page is loaded again, so that a panel on the line does not stay blank.
 * @param onGivenUp called when the page crashes again and again
 */
export function openConsoleWindow(preload: string, onGivenUp: () => void): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    minWidth: 1024,
    minHeight: 700,
    show: false,
    backgroundColor: '#DCE0E4',
    title: 'Plumbline',
    webPreferences: { ...PAGE_PREFERENCES, preload },
  });
  window.removeMenu();
  window.once('ready-to-show', () => window.show());
  const crashesMs: number[] = [];
  window.webContents.on('render-process-gone', (_event, details) => {
    if (details.reason === 'clean-exit') return;
    const nowMs = Date.now();
    crashesMs.push(nowMs);
    if (crashesMs.filter((ms) => nowMs - ms < 60_000).length > MOST_RELOADS_PER_MINUTE) {
      setTimeout(onGivenUp, 0);
      return;
    }
    // Not inside the event: loading there can take the main process down with the page.
    setTimeout(() => {
      if (!window.isDestroyed()) void window.loadURL(PAGE_URL);
    }, RELOAD_DELAY_MS);
  });
  void window.loadURL(PAGE_URL);
  return window;
}
