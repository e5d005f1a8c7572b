// First, before any module that builds a schema.
import './schemas-without-eval.js';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { feedUrlOf } from '../common/feed-url.js';
import { App } from './app.js';
import { FramePlayer } from './canvas/frame-player.js';
import { connectLine } from './feed/connect-line.js';
import { LineStore } from './feed/line-store.js';

/** What the desktop shell's preload puts into the page; absent in a browser. */
export interface ShellBridge {
  config(): Promise<{ feedUrl: string; daemon: string }>;
}
declare global {
  interface Window {
    plumblineShell?: ShellBridge;
  }
}

const store = new LineStore();
const player = new FramePlayer((header) => store.frameShown(header));
const config = window.plumblineShell
  ? await window.plumblineShell.config()
  : { feedUrl: feedUrlOf(location.origin), daemon: location.origin };
document.documentElement.dataset.host = new URL(config.daemon).host;

store.start();
connectLine(config.feedUrl, store, player).start();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App store={store} player={player} />
  </StrictMode>,
);
