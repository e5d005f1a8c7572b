import { buffer } from 'node:stream/consumers';
import { type Entry, openPromise } from 'yauzl';
import type { PinnedWheel } from './pins.js';
import { refuseWheel } from './wheel.js';

/**
 * Checks that a wheel is TensorFlow's CUDA build and that the pinned NVIDIA wheels are those it asks for: each
 * requirement of its extra `and-cuda` has a pinned wheel in its range. The CPU wheel has no such extra that fits its
 * name, and a later TensorFlow may ask for CUDA 13.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID
 */
export async function requireMatchingCuda(file: string, nvidia: readonly PinnedWheel[]): Promise<void> {
  const metadata = await readMetadata(file);
  const name = /^Name: *(\S+)/m.exec(metadata)?.[1];
  if (name !== 'tensorflow') refuseWheel(file, `it is ${name ?? 'of no name'}, --cuda needs tensorflow`);
  const requirements = andCudaRequirements(metadata);
  if (requirements.length === 0) refuseWheel(file, 'it names no NVIDIA libraries (extra and-cuda)');
  for (const { name: needed, range } of requirements) {
    const pinned = nvidia.find((wheel) => wheel.name === needed);
    if (!pinned) refuseWheel(file, `it needs ${needed}${range}, which this version of plumbline does not bring`);
    if (!isInRange(pinned.version, range)) {
      refuseWheel(file, `it needs ${needed}${range}, this version of plumbline brings ${pinned.version}`);
    }
  }
}

async function readMetadata(file: string): Promise<string> {
  const zip = await openPromise(file, { autoClose: false }).catch((error: Error) => refuseWheel(file, error.message));
  try {
    let found: Entry | undefined;
    for await (const entry of zip.eachEntry()) {
      if (/^[^/]+\.dist-info\/METADATA$/.test(entry.fileName)) found = entry;
    }
    if (!found) refuseWheel(file, 'it has no METADATA');
    return (await buffer(await zip.openReadStreamPromise(found))).toString('utf8');
  } finally {
    zip.close();
  }
}

/** Lines such as `Requires-Dist: nvidia-cudnn-cu12<10.0,>=9.3.0.75; extra == "and-cuda"`. */
function andCudaRequirements(metadata: string): { name: string; range: string }[] {
  return metadata.split('\n').flatMap((line) => {
    const [, name, range = ''] =
      /^Requires-Dist: *([\w.-]+) *\(?([^;)]*)\)? *;.*extra *== *['"]and-cuda['"]/.exec(line) ?? [];
    return name ? [{ name, range: range.replaceAll(' ', '') }] : [];
  });
}

/**
 * Whether a version of numbers alone fits a range of `<`, `<=`, `>`, `>=`, `==` and `!=`. Anything else in the range
 * does not fit. Source: PEP 440, where missing numbers count as 0.
 */
export function isInRange(version: string, range: string): boolean {
  return range
    .split(',')
    .filter(Boolean)
    .every((clause) => {
      const [, operator, bound] = /^(<=|>=|==|!=|<|>)([\d.]+)$/.exec(clause) ?? [];
      if (!operator || !bound) return false;
      const order = compareVersions(version, bound);
      if (operator === '==') return order === 0;
      if (operator === '!=') return order !== 0;
      return order === 0 ? operator.endsWith('=') : order < 0 === operator.startsWith('<');
    });
}

/** @returns negative if `a` is the older one, 0 if they are equal */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
