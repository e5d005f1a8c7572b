import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runPlumblineWith } from '../fixtures/run-plumbline.js';

const model = join(import.meta.dirname, '../../models/pcb-defects-nano');
const boards = join(import.meta.dirname, '../../firmware-configs/lines/demo/boards');
const board = readdirSync(boards, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(jpg|png)$/.test(path))
  .map((path) => join(boards, path))[0]!;
const dir = mkdtempSync(join(tmpdir(), 'plumbline-quiet-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("ONNX Runtime's telemetry", () => {
  it.each([
    ['in the thread of a command', ['predict', '--model', model, '--images', board, '--out', join(dir, 'found.json')]],
    ['in a worker thread', ['bench', 'infer', '--model', model, '--seconds', '1']],
    ['in the programs that doctor asks', ['doctor']],
  ])('stores no identifier and no database %s, so that nothing is sent', async (_, args) => {
    const home = mkdtempSync(join(dir, 'home-'));
    const temporary = join(home, 'tmp');
    mkdirSync(temporary);
    // As on a machine where nobody has turned it off.
    const env = { HOME: home, XDG_CACHE_HOME: undefined, TMPDIR: temporary, ORT_DISABLE_TELEMETRY: undefined };
    await runPlumblineWith(env, ...args);
    const left = readdirSync(home, { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => /Microsoft|onnxruntime|mat-debug|\.ses$/.test(path))).toEqual([]);
  });
});
