/** Shapes in this module: an image is 17 x 16 cells, its hash 8 words of 32 bits. */
import { createHash } from 'node:crypto';
import type { ImageRgb } from '@plumbline/core/image';

const side = 16;
const words = (side * side) / 32;

/** What is kept of an image to find others that look the same. */
export interface ImageSignature {
  /** 256-bit difference hash: whether each of 16 x 16 cells of the grey image is darker than its right neighbour. */
  readonly hash: Uint32Array;
  /** [17 * 16] mean grey of each cell without the mean of the image, 0..255. */
  readonly cells: Float64Array;
  /** Equal for equal pixels. */
  readonly digest: string;
}

/**
 * Scaling, brightness, compression and small shifts change few bits of the hash.
 * Source: N. Krawetz, "Kind of like that" (hackerfactor.com, 2013), with 16 instead of 8 cells a side.
 */
export function signatureOf({ width, height, data }: ImageRgb): ImageSignature {
  const columns = side + 1;
  const sums = new Float64Array(columns * side);
  const columnOf = Uint8Array.from({ length: width }, (_, x) => Math.floor((x * columns) / width));
  const counts = new Float64Array(columns * side);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * side) / height) * columns;
    for (let x = 0, i = 3 * y * width; x < width; x++, i += 3) {
      sums[row + columnOf[x]!]! += data[i]! + 2 * data[i + 1]! + data[i + 2]!;
      counts[row + columnOf[x]!]! += 1;
    }
  }
  const cells = sums.map((sum, cell) => sum / 4 / Math.max(1, counts[cell]!));
  const hash = new Uint32Array(words);
  for (let cell = 0; cell < side * side; cell++) {
    const at = Math.floor(cell / side) * columns + (cell % side);
    if (cells[at]! < cells[at + 1]!) hash[cell >> 5]! |= 1 << (cell & 31);
  }
  const mean = cells.reduce((sum, value) => sum + value, 0) / cells.length;
  const digest = createHash('sha1').update(`${width}x${height} `).update(data).digest('base64');
  return { hash, cells: cells.map((value) => value - mean), digest };
}

/** Mean absolute difference of the cells of two images of any brightness, grey levels. */
function cellDifference(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

/** Bits in which two hashes differ, 0..256. */
export function hashDistance(a: Uint32Array, b: Uint32Array): number {
  let distance = 0;
  for (let w = 0; w < words; w++) distance += bitCount(a[w]! ^ b[w]!);
  return distance;
}

function bitCount(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Mean absolute value. */
const meanOf = (cells: Float64Array) => cells.reduce((sum, cell) => sum + Math.abs(cell), 0) / cells.length;

export interface NearPair {
  /** Positions in the list of images, a < b. */
  readonly a: number;
  readonly b: number;
  /** Bits that differ. */
  readonly distance: number;
}

/** Plain areas give hashes of chance: images whose cells differ by more than this many grey levels do not look the same. */
const maxCellDifference = 8;
/** Images whose cells differ less than this from their mean, in grey levels, are plain: all of them look the same. */
const leastStructure = 4;

/**
 * Pairs of images that look the same: hashes that differ in at most `maxDistance` bits, and cells of like brightness. Two hashes with up to 15 differing bits agree in one of their
 * 16 half-words, so that only those that share one are compared.
 * @param maxDistance 0..15
 */
export function findNearPairs(images: readonly ImageSignature[], maxDistance: number): NearPair[] {
  const pairs = new Map<number, NearPair>();
  const isPlain = images.map(({ cells }) => meanOf(cells) < leastStructure);
  for (let band = 0; band < 2 * words; band++) {
    const buckets = new Map<number, number[]>();
    images.forEach(({ hash, cells }, b) => {
      if (isPlain[b]) return;
      const key = (hash[band >> 1]! >>> (16 * (band & 1))) & 0xffff;
      const bucket = buckets.get(key) ?? [];
      buckets.set(key, bucket);
      for (const a of bucket) {
        const id = a * images.length + b;
        if (pairs.has(id)) continue;
        const distance = hashDistance(images[a]!.hash, hash);
        const isNear = distance <= maxDistance && cellDifference(images[a]!.cells, cells) <= maxCellDifference;
        if (isNear) pairs.set(id, { a, b, distance });
      }
      bucket.push(b);
    });
  }
  return [...pairs.values()].sort((p, q) => p.distance - q.distance || p.a - q.a || p.b - q.b);
}
