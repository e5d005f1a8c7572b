/** A seeded stream of random numbers; `state` can be stored and restored so that a resumed run continues it. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  next(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** Fisher-Yates, in place. */
  shuffle<T extends Int32Array | number[]>(values: T): T;
  /** `k` distinct entries of `candidates` in random order; all of them when there are no more than `k`. */
  choose(candidates: Int32Array, k: number): Int32Array;
  getState(): [number, number, number, number];
  setState(state: readonly [number, number, number, number]): void;
}

/** xoshiro128** seeded by splitmix32. Source: Blackman and Vigna, prng.di.unimi.it. */
export function createRandom(seed: number): Random {
  let mixed = seed >>> 0;
  const splitmix = () => {
    mixed = (mixed + 0x9e3779b9) >>> 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  let s = [splitmix(), splitmix(), splitmix(), splitmix()] as [number, number, number, number];
  const rotl = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0;
  const random: Random = {
    next() {
      const result = Math.imul(rotl(Math.imul(s[1], 5) >>> 0, 7), 9) >>> 0;
      const t = (s[1] << 9) >>> 0;
      s[2] = (s[2] ^ s[0]) >>> 0;
      s[3] = (s[3] ^ s[1]) >>> 0;
      s[1] = (s[1] ^ s[2]) >>> 0;
      s[0] = (s[0] ^ s[3]) >>> 0;
      s[2] = (s[2] ^ t) >>> 0;
      s[3] = rotl(s[3], 11);
      return result / 2 ** 32;
    },
    int: (n) => Math.floor(random.next() * n),
    normal: () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()),
    shuffle(values) {
      for (let i = values.length - 1; i > 0; i--) {
        const j = random.int(i + 1);
        const held = values[i]!;
        values[i] = values[j]!;
        values[j] = held;
      }
      return values;
    },
    choose(candidates, k) {
      const pool = Int32Array.from(candidates);
      const count = Math.min(k, pool.length);
      for (let i = 0; i < count; i++) {
        const j = i + random.int(pool.length - i);
        const held = pool[i]!;
        pool[i] = pool[j]!;
        pool[j] = held;
      }
      return pool.slice(0, count);
    },
    getState: () => [...s],
    setState(state) {
      s = [...state];
    },
  };
  return random;
}

/** One 32-bit seed from several whole numbers; their order counts. Source: the mixing of MurmurHash3. */
export function mixSeed(...values: readonly number[]): number {
  let hash = 0x9747b28c;
  for (const value of values) {
    let k = Math.imul(value, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    hash ^= k;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
