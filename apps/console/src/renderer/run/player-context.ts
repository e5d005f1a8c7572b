import { createContext, useContext } from 'react';
import type { FramePlayer } from '../canvas/frame-player.js';

export const PlayerContext = createContext<FramePlayer | null>(null);

export function usePlayer(): FramePlayer {
  const player = useContext(PlayerContext);
  if (!player) throw new Error('the page is rendered without its frame player');
  return player;
}
