// First, before any module that builds a schema.
import './schemas-without-eval.js';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { FramePlayer } from './canvas/frame-player.js';
import { connectLine } from './feed/connect-line.js';
import { findFeedAddress } from './feed/feed-address.js';
import { LineStore } from './feed/line-store.js';

const store = new LineStore();
const player = new FramePlayer((header) => store.frameShown(header));

store.start();
connectLine(findFeedAddress, store, player).start();
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App store={store} player={player} />
  </StrictMode>,
);
