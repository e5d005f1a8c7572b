import { loadEngine } from '@plumbline/train/engines';
import { describe, expect, it } from 'vitest';
import { hasTensorflow, tensorflowSkipReason } from '../fixtures/tensorflow.js';
import { describeEngine } from './engines.contract.js';

describe.skipIf(!hasTensorflow)(`engine tensorflow${tensorflowSkipReason}`, () => {
  describeEngine(() => loadEngine('tensorflow'));

  it('is what auto takes', async () => {
    const engine = await loadEngine('auto');
    expect(engine.name).toBe('tensorflow');
    expect(engine.reason).toContain('fastest');
  });
});
