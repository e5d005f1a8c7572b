import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import { fetchDeepPcb, gitBlobId } from '@plumbline/data/fetch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download } from './download.js';

const boards = join(import.meta.dirname, '../../../../firmware-configs/lines/demo/boards');
/** Boards that ship with the repository, where they lie in DeepPCB. */
const pairs = [
  ['group00041/00041/00041015.jpg', 'group00041/00041_not/00041015.txt'],
  ['group92000/92000/92000086.jpg', 'group92000/92000_not/92000086.txt'],
] as const;

let dir: string;
let server: Server;
let source: string;
/** Answers in turn to requests of a path; the file itself once they are used up. */
let answers: Map<string, (number | Buffer)[]>;
let requests: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-fetch-'));
  answers = new Map();
  requests = [];
  server = createServer(async (request, response) => {
    const path = request.url!.slice(1);
    requests.push(path);
    const answer = answers.get(path)?.shift();
    if (typeof answer === 'number') return response.writeHead(answer).end();
    const bytes = answer ?? (await fileOf(path).catch(() => undefined));
    if (!bytes) return response.writeHead(404).end();
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  source = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

async function fileOf(path: string): Promise<Buffer> {
  const stem = /(\d{8})(?:_test)?\.(?:jpg|txt)$/.exec(path)?.[1];
  if (!stem) throw new Error('no such file');
  return readFile(join(boards, path.endsWith('.jpg') ? `images/${stem}.jpg` : `labels/${stem}.txt`));
}

const options = () => ({ out: dir, source, firstWaitMs: 1, attempts: 3 });

describe('gitBlobId', () => {
  it('is what git hash-object prints', () => {
    expect(gitBlobId(Buffer.from('hello\n'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });
});

/** Lists of the shipped boards, as the server has them, and blob ids of all files but one. */
async function smallRevision() {
  const lists = { 'trainval.txt': Buffer.from(pairs[0].join(' ')), 'test.txt': Buffer.from(`${pairs[1].join(' ')}\n`) };
  const blobIds = new Map<string, string>();
  for (const [name, bytes] of Object.entries(lists)) {
    answers.set(name, Array(9).fill(bytes));
    blobIds.set(name, gitBlobId(bytes));
  }
  for (const [image, labels] of pairs) {
    const file = image.replace('.jpg', '_test.jpg');
    blobIds.set(file, gitBlobId(await fileOf(file)));
    if (labels !== pairs[1][1]) blobIds.set(labels, gitBlobId(await fileOf(labels)));
  }
  return { ...options(), blobIds };
}

describe('fetchDeepPcb', () => {
  it('brings lists, images and labels, verifies what is known and opens as a dataset', async () => {
    const report = await fetchDeepPcb(await smallRevision());
    expect(report).toMatchObject({ files: 6, downloaded: 6, verified: 5, unverified: [pairs[1][1]] });
    const { samples } = await openDataset(report.spec);
    expect(samples.map(({ stem, gtLabels }) => [stem, gtLabels.length])).toEqual([['00041015', 5]]);
    expect((await openDataset(`deeppcb:${dir}#all`)).samples).toHaveLength(2);
  });

  it('keeps what is right, replaces what is not and goes on after a failure', async () => {
    const revision = await smallRevision();
    const image = pairs[1][0].replace('.jpg', '_test.jpg');
    answers.set(image, [500, 500, 500]);
    await expect(fetchDeepPcb(revision)).rejects.toMatchObject({ code: 'PLB_DATA_FETCH_FAILED' });
    await writeFile(join(dir, pairs[0][1]), 'damaged');
    requests = [];
    const report = await fetchDeepPcb(revision);
    expect(report).toMatchObject({ files: 6, downloaded: 2 });
    expect(requests.sort()).toEqual([pairs[0][1], image].sort());
  });

  it('refuses lists that are not those of the pinned revision', async () => {
    answers.set(
      'trainval.txt',
      [1, 2, 3].map(() => Buffer.from(pairs.map((pair) => pair.join(' ')).join('\n'))),
    );
    await expect(fetchDeepPcb(options())).rejects.toMatchObject({
      code: 'PLB_DATA_FETCH_MISMATCH',
      message: expect.stringContaining(`${source}/trainval.txt: is another file`),
    });
    expect(requests).toHaveLength(3);
  });

  it('says what could not be downloaded', async () => {
    await expect(fetchDeepPcb(options())).rejects.toMatchObject({
      code: 'PLB_DATA_FETCH_FAILED',
      params: { url: `${source}/trainval.txt`, reason: 'HTTP 404' },
    });
    expect(requests).toHaveLength(1); // another attempt would not help
    const nobody = { ...options(), source: 'http://127.0.0.1:1' };
    await expect(fetchDeepPcb(nobody)).rejects.toMatchObject({ code: 'PLB_DATA_FETCH_FAILED' });
  });
});

describe('download', () => {
  const target = () => join(dir, 'deep', 'file.jpg');

  it('tries again after a failure of the server and after a damaged file', async () => {
    answers.set('00041015_test.jpg', [503, Buffer.from('half')]);
    const check = (bytes: Uint8Array) => {
      if (bytes.length < 100) throw new Error('damaged');
    };
    await download(`${source}/00041015_test.jpg`, target(), check, { firstWaitMs: 1 });
    expect(requests).toHaveLength(3);
    expect(await readFile(target())).toEqual(await fileOf('00041015.jpg'));
  });

  it('leaves nothing behind when it is stopped or fails', async () => {
    const abort = new AbortController();
    answers.set('00041015_test.jpg', [503, 503, 503, 503]);
    const stopped = download(`${source}/00041015_test.jpg`, target(), () => {}, {
      firstWaitMs: 10_000,
      signal: abort.signal,
    });
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(stopped).rejects.toThrow('enough');
    const failed = download(`${source}/00041015_test.jpg`, target(), () => {}, { firstWaitMs: 1, attempts: 2 });
    await expect(failed).rejects.toMatchObject({ code: 'PLB_DATA_FETCH_FAILED', params: { reason: 'HTTP 503' } });
    await expect(stat(target())).rejects.toThrow('ENOENT');
    await expect(stat(`${target()}.part`)).rejects.toThrow('ENOENT');
    await writeFile(join(dir, 'x'), '');
  });
});
