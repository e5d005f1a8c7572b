import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, it } from 'vitest';
import { trainingEngines } from '../fixtures/training-engines.js';
import { expectKillsToChangeNothing } from '../fixtures/training-run.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-killed-runs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
// The engine that people train with, where it is set up.
const engine = trainingEngines.at(-1)!;

it(`training with ${engine} goes on after ten SIGKILLs at random moments to the same weights`, async () => {
  await expectKillsToChangeNothing({ folder, engine, steps: 60, rounds: 10, seed: 11 });
}, 600_000);
