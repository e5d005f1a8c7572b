import { join } from 'node:path';
import { openDataset } from '@plumbline/data/dataset';
import { detectDataset, detectionTable, evaluateCoco, groundTruthOfDataset } from '@plumbline/data/eval';
import { createDetector } from '@plumbline/runtime/detector';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

describe('models/pcb-defects-nano', () => {
  it('finds the defects of the 24 shipped boards, none of which it was trained on', async () => {
    const dataset = await openDataset(`deeppcb:${join(root, 'firmware-configs', 'lines', 'demo', 'boards')}#all`);
    const detector = await createDetector({ modelDir: join(root, 'models', 'pcb-defects-nano') });
    try {
      const { results } = await detectDataset(dataset, detector);
      const groundTruth = groundTruthOfDataset(dataset);
      const { stats } = evaluateCoco(groundTruth, detectionTable(results, groundTruth));
      expect(dataset.samples.length).toBe(24);
      expect(stats.AP50).toBeGreaterThan(0.9);
      expect(stats.AP).toBeGreaterThan(0.6);
    } finally {
      await detector.dispose();
    }
  }, 60_000);
});
