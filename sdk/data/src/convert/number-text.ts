import { roundPx } from '../dataset/labels.js';

/** A coordinate in px as text, with the decimals of the file that it was read from. */
export const pxText = (px: number): string => String(roundPx(px));

/** A share of the image as text: twelve decimals keep 1e-9 px of an image of 1,000 px. */
export const shareText = (share: number): string => String(Math.round(share * 1e12) / 1e12);
