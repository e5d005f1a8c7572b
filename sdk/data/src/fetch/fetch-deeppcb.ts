import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { mapConcurrently } from '../dataset/index.js';
import { deepPcbRevision, gitBlobId, readBlobTable } from './blob-table.js';
import { type DownloadOptions, download } from './download.js';

const defaultSource = `https://raw.githubusercontent.com/tangsanli5201/DeepPCB/${deepPcbRevision}/PCBData`;
const lists = ['trainval', 'test'] as const;
const connections = 8;

export interface FetchOptions extends DownloadOptions {
  readonly out: string;
  /** Address of the folder PCBData; default: the public repository at the pinned revision. */
  readonly source?: string;
  /** git blob id of each file; default: those of the pinned revision, for all that is downloaded. */
  readonly blobIds?: ReadonlyMap<string, string>;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface FetchReport {
  readonly revision: string;
  /** Files of the dataset, all of them in `out` now. */
  readonly files: number;
  /** Of these, downloaded by this call. */
  readonly downloaded: number;
  /** Files whose git blob id is the known one. */
  readonly verified: number;
  /** Files that no blob id is known for. */
  readonly unverified: readonly string[];
  /** What the dataset is opened with. */
  readonly spec: string;
}

/**
 * Downloads DeepPCB in its published layout: both lists, the 1,500 images under inspection and their labels. A file that is
 * there already and right is kept, so that an interrupted download goes on where it stopped; a wrong one is replaced.
 * @throws {PlumblineError} PLB_DATA_FETCH_FAILED, PLB_DATA_FETCH_MISMATCH; the reason of `signal`
 */
export async function fetchDeepPcb(options: FetchOptions): Promise<FetchReport> {
  const { out, source = defaultSource, onProgress } = options;
  const known = options.blobIds ?? (await readBlobTable());
  const unverified: string[] = [];
  let downloaded = 0;
  const bring = async (name: string): Promise<void> => {
    const expected = known.get(name);
    if (expected === undefined) unverified.push(name);
    const target = join(out, ...name.split('/'));
    const present = await readFile(target).catch(() => undefined);
    if (present && (expected === undefined || gitBlobId(present) === expected)) return;
    const url = `${source}/${name}`;
    const check = (bytes: Uint8Array) => {
      const actual = gitBlobId(bytes);
      if (expected === undefined || actual === expected) return;
      throw new PlumblineError('PLB_DATA_FETCH_MISMATCH', { url, expected, actual });
    };
    await download(url, target, check, options);
    downloaded++;
  };
  for (const list of lists) await bring(`${list}.txt`);
  const names = (await Promise.all(lists.map((list) => readFile(join(out, `${list}.txt`), 'utf8')))).flatMap(
    filesOfList,
  );
  const total = names.length + lists.length;
  let done: number = lists.length;
  await mapConcurrently(
    names,
    async (name) => {
      await bring(name);
      onProgress?.(++done, total);
    },
    connections,
  );
  const verified = total - unverified.length;
  return { revision: deepPcbRevision, files: total, downloaded, verified, unverified, spec: `deeppcb:${out}#trainval` };
}

/** Lines name `GROUP/ID/STEM.jpg GROUP/ID_not/STEM.txt`; the image on the server is STEM_test.jpg. */
function filesOfList(text: string): string[] {
  return text.split('\n').flatMap((line) => {
    const [image, labels] = line.trim().split(' ');
    const isSafe = (name: string) => /^[\w/]+\.(?:jpg|txt)$/.test(name);
    if (!image || !labels || !isSafe(image) || !isSafe(labels)) return [];
    return [image.replace(/\.jpg$/, '_test.jpg'), labels];
  });
}
