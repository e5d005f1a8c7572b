import { type Clock, type RandomSource, systemClock, systemRandom } from './clock.js';

const counterLimit = 0x1000;

/**
 * Returns a generator of RFC 9562 UUIDs version 7 that ascend strictly, also within one millisecond and when the wall
 * clock is set back: `rand_a` is a 12-bit counter (RFC 9562 section 6.2, method 1) and an exhausted counter borrows the
 * next millisecond.
 */
export function uuidV7Generator(clock: Clock = systemClock, random: RandomSource = systemRandom): () => string {
  let lastMs = -1;
  let counter = 0;
  const bytes = new Uint8Array(16);
  return () => {
    const nowMs = clock.nowMs();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = Math.floor(random.fraction() * (counterLimit / 2));
    } else if (++counter === counterLimit) {
      lastMs += 1;
      counter = 0;
    }
    random.fill(bytes);
    let rest = lastMs;
    for (let i = 5; i >= 0; i--) {
      bytes[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    bytes[6] = 0x70 | (counter >> 8);
    bytes[7] = counter & 0xff;
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    const hex = Buffer.from(bytes).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
