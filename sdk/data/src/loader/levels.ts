import type { TrainConfig } from '@plumbline/contract';
import type { Random } from '@plumbline/core/random';
import { logUniform } from './reframe.js';

type LevelSettings = Pick<TrainConfig['augment'], 'brightness' | 'contrast' | 'gamma'>;

/**
 * Draws a change of contrast about mid-grey, brightness and gamma, in this order, as a table: the pixels pay for one
 * look-up, or for none where the table is folded into the one of the normalisation.
 * @returns [256] the new level of each level
 */
export function drawLevels({ brightness, contrast, gamma }: LevelSettings, random: Random): Uint8Array {
  const factor = 1 + contrast * (2 * random.next() - 1);
  const shift = 255 * brightness * (2 * random.next() - 1);
  const exponent = logUniform(1 / gamma, gamma, random);
  return Uint8Array.from({ length: 256 }, (_, level) => {
    const changed = Math.max(0, Math.min(255, (level - 127.5) * factor + 127.5 + shift));
    return Math.round(255 * (changed / 255) ** exponent);
  });
}
