import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PlumblineError } from '@plumbline/contract';
import { type Entry, openPromise } from 'yauzl';
import type { ReportProgress } from './progress.js';
import { runCommand } from './run-command.js';

/** The wheel this package was tested with. PyPI never changes a published file. */
export const pinnedWheel = {
  requirement: 'tensorflow-cpu==2.21.0',
  fileName: 'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
  sha256: 'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
} as const;

/** A wheel on this disk. `isPinned`: its name is the pinned one, and so is its content. */
export interface Wheel {
  file: string;
  sha256: string;
  isPinned: boolean;
}

const libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
const include = 'tensorflow/include/';
const headerFolders = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/', 'xla/tsl/'].map((path) => include + path);

/**
 * Hashes a wheel; one that carries the pinned name has to have the pinned content.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID if it cannot be read, PLB_TRAIN_SETUP_WHEEL_HASH
 */
export async function checkWheel(file: string, report: ReportProgress): Promise<Wheel> {
  const total = (await stat(file).catch((error: Error) => fail(file, error.message))).size;
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    report({ step: 'check the wheel', done: (done += (chunk as Buffer).length), total });
  }
  const sha256 = hash.digest('hex');
  const hasPinnedName = basename(file) === pinnedWheel.fileName;
  if (hasPinnedName && sha256 !== pinnedWheel.sha256) {
    throw new PlumblineError('PLB_TRAIN_SETUP_WHEEL_HASH', {
      file,
      expectedSha256: pinnedWheel.sha256,
      actualSha256: sha256,
    });
  }
  return { file, sha256, isPinned: hasPinnedName };
}

/**
 * Downloads the pinned wheel with pip, so that the user's index, proxy and certificates are used. A wheel that an
 * earlier, interrupted run has finished downloading is taken as it is.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_DOWNLOAD_FAILED, PLB_TRAIN_SETUP_WHEEL_HASH
 */
export async function downloadWheel(dir: string, python: string, report: ReportProgress): Promise<Wheel> {
  const file = join(dir, pinnedWheel.fileName);
  await mkdir(dir, { recursive: true });
  if (!(await stat(file).catch(() => undefined))) {
    const partial = join(dir, 'partial');
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    // pip downloads into its temporary folder first; watching that is the only progress that every pip offers.
    const watch = setInterval(() => {
      void largestFile(partial).then((done) => {
        if (done < wheelBytes) report({ step: 'download TensorFlow', done, total: wheelBytes });
      });
    }, 500);
    const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--implementation', 'cp'];
    args.push('--python-version', '3.12', '--platform', 'manylinux_2_27_x86_64', '--dest', partial);
    const result = await runCommand(python, [...args, pinnedWheel.requirement], {
      env: { ...process.env, TMPDIR: partial, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    }).finally(() => clearInterval(watch));
    if (!result.ok) {
      throw new PlumblineError('PLB_TRAIN_SETUP_DOWNLOAD_FAILED', {
        what: pinnedWheel.requirement,
        command: `${python} -m pip download`,
        reason: result.reason,
      });
    }
    report({ step: 'download TensorFlow', done: wheelBytes, total: wheelBytes });
    await rename(join(partial, pinnedWheel.fileName), file);
    await rm(partial, { recursive: true, force: true });
  }
  try {
    return await checkWheel(file, report);
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}

/** Size of the pinned wheel, for the progress display. */
const wheelBytes = 274_000_871;

async function largestFile(dir: string): Promise<number> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        (s) => s.size,
        () => 0,
      ),
    ),
  );
  return Math.max(0, ...sizes);
}

/**
 * Takes the two libraries and the headers of the C interface out of a wheel. Files that are there already in full
 * are kept, so an interrupted run continues.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID if it is no zip file or lacks a library
 */
export async function extractWheel(file: string, target: string, report: ReportProgress): Promise<void> {
  const zip = await openPromise(file, { autoClose: false }).catch((error: Error) => fail(file, error.message));
  try {
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) if (isNeeded(entry.fileName)) entries.push(entry);
    const missing = libraries.filter((name) => !entries.some((entry) => entry.fileName === name));
    if (missing.length > 0) fail(file, `it does not contain ${missing.join(', ')}`);
    const total = entries.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    let done = 0;
    for (const entry of entries) {
      const to = join(target, entry.fileName);
      const present = await stat(to).catch(() => undefined);
      if (present?.size !== entry.uncompressedSize) {
        await mkdir(dirname(to), { recursive: true });
        const source = await zip.openReadStreamPromise(entry);
        const counted = async function* (chunks: AsyncIterable<Buffer>) {
          let written = 0;
          for await (const chunk of chunks) {
            yield chunk;
            report({ step: 'unpack', done: done + (written += chunk.length), total });
          }
        };
        await pipeline(source, counted, createWriteStream(`${to}.part`));
        await rename(`${to}.part`, to);
      }
      report({ step: 'unpack', done: (done += entry.uncompressedSize), total });
    }
  } finally {
    zip.close();
  }
}

function isNeeded(name: string): boolean {
  return libraries.includes(name) || (name.endsWith('.h') && headerFolders.some((folder) => name.startsWith(folder)));
}

function fail(file: string, reason: string): never {
  throw new PlumblineError('PLB_TRAIN_SETUP_WHEEL_INVALID', { file, reason });
}
