import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PinnedBuild, PinnedWheel } from './pins.js';
import type { ReportProgress } from './progress.js';
import { checkWheel, downloadWheel, type ReportBytes, type Wheel } from './wheel.js';

/** A pinned wheel and the file with its content, if there is one already. */
export interface Source {
  pinned: PinnedWheel;
  wheel?: Wheel;
}

/**
 * Looks for the wheels of a build: what an interrupted run has downloaded to `dir`, and, where the user gave TensorFlow's
 * wheel as a file, NVIDIA's wheels beside it. A file with other content than the pinned one is an error beside the
 * user's wheel; in `dir` it is removed and downloaded again.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_HASH
 */
export async function findWheels(
  build: PinnedBuild,
  dir: string,
  fromUser: Wheel | undefined,
  report: ReportProgress,
): Promise<Source[]> {
  const wanted = fromUser ? build.nvidia : [build.tensorflow, ...build.nvidia];
  const folders = fromUser ? [dirname(fromUser.file), dir] : [dir];
  const present: { pinned: PinnedWheel; file: string; bytes: number; isOurs: boolean }[] = [];
  for (const pinned of wanted) {
    for (const folder of folders) {
      const file = join(folder, pinned.fileName);
      const found = await stat(file).catch(() => undefined);
      if (!found) continue;
      present.push({ pinned, file, bytes: found.size, isOurs: folder === dir });
      break;
    }
  }
  const wheels = new Map<PinnedWheel, Wheel>();
  await overAll(present, 'check the wheels', report, async ({ pinned, file, isOurs }, reportBytes) => {
    const wheel = await checkWheel(file, pinned, reportBytes).catch(async (error: unknown) => {
      if (!isOurs) throw error;
      await rm(file, { force: true });
    });
    if (wheel) wheels.set(pinned, wheel);
  });
  const sources = wanted.map((pinned) => {
    const wheel = wheels.get(pinned);
    return wheel ? { pinned, wheel } : { pinned };
  });
  return fromUser ? [{ pinned: build.tensorflow, wheel: fromUser }, ...sources] : sources;
}

/**
 * Downloads what is missing, one wheel after the other, and checks each. One that is complete stays in `dir` whatever
 * happens to the next.
 * @returns all wheels, in the order of `sources`
 * @throws {PlumblineError} PLB_TRAIN_SETUP_DOWNLOAD_FAILED, PLB_TRAIN_SETUP_WHEEL_HASH
 */
export async function fetchWheels(
  sources: readonly Source[],
  dir: string,
  python: string,
  report: ReportProgress,
): Promise<{ pinned: PinnedWheel; wheel: Wheel }[]> {
  await mkdir(dir, { recursive: true });
  const missing = sources.filter(({ wheel }) => !wheel).map(({ pinned }) => ({ pinned, bytes: pinned.bytes }));
  const fetched = new Map<PinnedWheel, Wheel>();
  await overAll(missing, 'download TensorFlow', report, async ({ pinned }, reportBytes) => {
    const file = await downloadWheel(pinned, dir, python, reportBytes);
    try {
      fetched.set(pinned, await checkWheel(file, pinned, () => {}));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  });
  return sources.map(({ pinned, wheel }) => ({ pinned, wheel: wheel ?? fetched.get(pinned)! }));
}

/** Does one thing after the other and reports them as one step, in the bytes of the wheels. */
export async function overAll<T extends { bytes: number }>(
  items: readonly T[],
  step: 'download TensorFlow' | 'check the wheels' | 'unpack',
  report: ReportProgress,
  work: (item: T, report: ReportBytes) => Promise<void>,
): Promise<void> {
  const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  for (const item of items) {
    await work(item, (done, of) => report({ step, done: before + (of > 0 ? (done / of) * item.bytes : 0), total }));
    report({ step, done: (before += item.bytes), total });
  }
}
