import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runPlumbline } from '../fixtures/run-plumbline.js';

const boards = join(import.meta.dirname, '../../firmware-configs/lines/demo/boards');
const spec = `deeppcb:${boards}`;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'plumbline-dataset-'));
});
afterAll(() => rm(dir, { recursive: true }));

describe('plumbline dataset', () => {
  it('converts with other class names, splits the result by group and finds nothing wrong with it', async () => {
    const map = join(dir, 'map.yaml');
    await writeFile(map, 'pin-hole: hole\nspur: null\n');
    const out = join(dir, 'coco');
    const convert = ['dataset', 'convert', spec, '--to', 'coco', '--out', out, '--class-map', map, '--json'];
    const converted = JSON.parse((await runPlumbline(...convert)).stdout);
    expect(converted).toMatchObject({ images: 24, boxes: 124, lost: {} });

    const inspected = JSON.parse((await runPlumbline('dataset', 'inspect', converted.spec, '--json')).stdout);
    expect(inspected).toMatchObject({ images: 24, boxes: 124, problems: [], imageSizes: { '640x640': 24 } });
    expect(inspected.classes).toEqual({ open: 30, short: 23, mousebite: 28, copper: 21, hole: 22 });

    const split = [
      'dataset',
      'split',
      converted.spec,
      '--val',
      '0.25',
      '--group',
      '^(\\d{5})',
      '--out',
      join(dir, 'sides'),
    ];
    const { sizes, specs } = JSON.parse((await runPlumbline(...split, '--json')).stdout);
    expect(sizes.train.images + sizes.val.images).toBe(24);
    const groups = async (file: string) => {
      const { images } = JSON.parse(await readFile(join(dir, 'sides', file), 'utf8'));
      return new Set(images.map(({ file_name }: { file_name: string }) => file_name.slice(0, 5)));
    };
    const [train, val] = [await groups('train.json'), await groups('val.json')];
    expect([...val].filter((group) => train.has(group))).toEqual([]);
    expect(val.size).toBeGreaterThan(0);

    const against = await runPlumbline('dataset', 'inspect', specs.train, '--against', specs.val);
    expect(against.exitCode).toBe(0);
    expect(against.stdout).toContain('0 problems');
    const itself = await runPlumbline('dataset', 'inspect', specs.val, '--against', converted.spec);
    expect(itself.exitCode).toBe(2);
    expect(itself.stdout).toContain('PLB_DATA_SPLIT_LEAK');
  }, 60_000);

  it.each([
    ['a format', ['convert', spec, '--to', 'tfrecord', '--out', 'x'], '--to is "tfrecord"; accepted: coco, voc, yolo'],
    ['bits', ['convert', spec, '--to', 'coco', '--out', 'x', '--bits', '7'], 'a whole number from 8 to 16'],
    ['a share', ['split', spec, '--val', '1.5', '--out', 'x'], '--val is "1.5"'],
    ['a seed', ['split', spec, '--seed', '-1', '--out', 'x'], '--seed is "-1"'],
    ['a pattern', ['split', spec, '--group', '(', '--out', 'x'], '--group is "("'],
    ['a pattern that matches nothing', ['split', spec, '--group', '^x', '--out', 'x'], '--group "^x" does not match'],
  ])('refuses %s that means nothing', async (_, args, message) => {
    const { exitCode, stderr } = await runPlumbline('dataset', ...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('PLB_CLI_USAGE');
    expect(stderr).toContain(message);
  });

  it('says where a class map is wrong', async () => {
    const map = join(dir, 'bad.yaml');
    await writeFile(map, 'open: break\nshort: [1]\n');
    const args = ['dataset', 'convert', spec, '--to', 'coco', '--out', join(dir, 'no'), '--class-map', map];
    const { exitCode, stderr } = await runPlumbline(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${map}:2:`);
  });

  it('stops a download at Ctrl-C, says how to go on and exits with 1', async () => {
    const server = createServer(() => {}); // takes the request and never answers
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const cli = join(import.meta.dirname, '../../sdk/cli/dist/main.js');
    const child = spawn(process.execPath, [
      cli,
      'dataset',
      'fetch',
      'deeppcb',
      '--out',
      join(dir, 'd'),
      '--from',
      from,
    ]);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = new Promise((resolve) => child.on('close', resolve));
    server.once('request', () => child.kill('SIGINT'));
    expect(await ended).toBe(1);
    expect(stderr).toContain('stopping: what is complete stays');
    expect(stderr).toContain('PLB_DATA_FETCH_STOPPED');
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('refuses a dataset that is not for fetching', async () => {
    const { exitCode, stderr } = await runPlumbline('dataset', 'fetch', 'coco', '--out', 'x');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no dataset is named "coco"');
  });
});
