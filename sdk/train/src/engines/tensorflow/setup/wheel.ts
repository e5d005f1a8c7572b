import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PlumblineError } from '@plumbline/contract';
import { type Entry, openPromise } from 'yauzl';
import type { PinnedWheel } from './pins.js';
import { runCommand } from './run-command.js';

/** A wheel on this disk. `isPinned`: its name is the pinned one, and so is its content. */
export interface Wheel {
  file: string;
  sha256: string;
  isPinned: boolean;
}

/** Told how many bytes of how many are done. */
export type ReportBytes = (done: number, total: number) => void;

/** What to unpack: files that must be there, and more that are taken if they are. */
export interface Contents {
  required: readonly string[];
  isWanted?: (name: string) => boolean;
}

const include = 'tensorflow/include/';
const headerFolders = ['tensorflow/c/', 'tensorflow/core/platform/', 'tsl/', 'xla/tsl/'].map((path) => include + path);

/** The two libraries and the headers of the C interface. */
export const tensorflowContents: Contents = {
  required: ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'],
  isWanted: (name) => name.endsWith('.h') && headerFolders.some((folder) => name.startsWith(folder)),
};

/**
 * Hashes a wheel; one that carries the pinned name has to have the pinned content.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID if it cannot be read, PLB_TRAIN_SETUP_WHEEL_HASH
 */
export async function checkWheel(file: string, pinned: PinnedWheel, report: ReportBytes): Promise<Wheel> {
  const total = (await stat(file).catch((error: Error) => refuseWheel(file, error.message))).size;
  const hash = createHash('sha256');
  let done = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    report((done += (chunk as Buffer).length), total);
  }
  const sha256 = hash.digest('hex');
  const hasPinnedName = basename(file) === pinned.fileName;
  if (hasPinnedName && sha256 !== pinned.sha256) {
    throw new PlumblineError('PLB_TRAIN_SETUP_WHEEL_HASH', {
      file,
      expectedSha256: pinned.sha256,
      actualSha256: sha256,
    });
  }
  return { file, sha256, isPinned: hasPinnedName };
}

/**
 * Downloads a pinned wheel into `dir` with pip, so that the user's index, proxy and certificates are used.
 * @returns the file; its content is not checked yet
 * @throws {PlumblineError} PLB_TRAIN_SETUP_DOWNLOAD_FAILED
 */
export async function downloadWheel(
  pinned: PinnedWheel,
  dir: string,
  python: string,
  report: ReportBytes,
): Promise<string> {
  const file = join(dir, pinned.fileName);
  const partial = join(dir, 'partial');
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  // pip downloads into its temporary folder first; watching that is the only progress that every pip offers.
  const watch = setInterval(() => {
    void largestFile(partial).then((done) => {
      if (done < pinned.bytes) report(done, pinned.bytes);
    });
  }, 500);
  // No copy in pip's cache: the download folder is one, and for CUDA it would be 3 GB more on the user's disk.
  const args = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-cache-dir', '--only-binary=:all:'];
  args.push('--implementation', 'cp', '--python-version', '3.12', '--dest', partial);
  for (const platform of platformsOf(pinned.fileName)) args.push('--platform', platform);
  const requirement = `${pinned.name}==${pinned.version}`;
  const result = await runCommand(python, [...args, requirement], {
    env: { ...process.env, TMPDIR: partial, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
  }).finally(() => clearInterval(watch));
  const failed = (reason: string) =>
    new PlumblineError('PLB_TRAIN_SETUP_DOWNLOAD_FAILED', {
      what: requirement,
      command: `${python} -m pip download`,
      reason,
    });
  if (!result.ok) throw failed(result.reason);
  await rename(join(partial, pinned.fileName), file).catch(async () => {
    throw failed(`pip brought ${(await readdir(partial)).join(', ') || 'nothing'} instead of ${pinned.fileName}`);
  });
  await rm(partial, { recursive: true, force: true });
  report(pinned.bytes, pinned.bytes);
  return file;
}

/** `..-manylinux2014_x86_64.manylinux_2_17_x86_64.whl` fits both of these platforms. */
function platformsOf(fileName: string): string[] {
  return fileName.slice(fileName.lastIndexOf('-') + 1, -'.whl'.length).split('.');
}

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
 * Takes files out of a wheel. Files that are there already in full are kept, so an interrupted run continues.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID if it is no zip file or lacks a required file
 */
export async function extractWheel(
  file: string,
  target: string,
  { required, isWanted = () => false }: Contents,
  report: ReportBytes,
): Promise<void> {
  const zip = await openPromise(file, { autoClose: false }).catch((error: Error) => refuseWheel(file, error.message));
  try {
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) {
      if (required.includes(entry.fileName) || isWanted(entry.fileName)) entries.push(entry);
    }
    const missing = required.filter((name) => !entries.some((entry) => entry.fileName === name));
    if (missing.length > 0) refuseWheel(file, `it does not contain ${missing.join(', ')}`);
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
            report(done + (written += chunk.length), total);
          }
        };
        await pipeline(source, counted, createWriteStream(`${to}.part`));
        if (isProgram(entry)) await chmod(`${to}.part`, 0o755);
        await rename(`${to}.part`, to);
      }
      report((done += entry.uncompressedSize), total);
    }
  } finally {
    zip.close();
  }
}

/** The upper half of the attributes is the Unix mode. */
function isProgram(entry: Entry): boolean {
  return ((entry.externalFileAttributes >>> 16) & 0o100) !== 0;
}

/** @throws {PlumblineError} PLB_TRAIN_SETUP_WHEEL_INVALID */
export function refuseWheel(file: string, reason: string): never {
  throw new PlumblineError('PLB_TRAIN_SETUP_WHEEL_INVALID', { file, reason });
}
