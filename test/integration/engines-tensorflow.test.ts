import { findTensorflow, loadEngine } from '@plumbline/train/engines';
import { describe, expect, it } from 'vitest';
import { describeEngine } from './engines.contract.js';

const isSetUp = findTensorflow() !== undefined;
const reason = isSetUp ? '' : ' (skipped: not set up here, run `plumbline doctor --setup tensorflow`)';

describe.skipIf(!isSetUp)(`engine tensorflow${reason}`, () => {
  describeEngine(() => loadEngine('tensorflow'));

  it('is what auto takes', async () => {
    const engine = await loadEngine('auto');
    expect(engine.name).toBe('tensorflow');
    expect(engine.reason).toContain('fastest');
  });
});
