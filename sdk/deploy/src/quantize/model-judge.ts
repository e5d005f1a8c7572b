import type { ModelManifest, ModelTarget } from '@plumbline/contract';
import type { Dataset } from '@plumbline/data/dataset';
import { readImageRgb } from '@plumbline/data/dataset';
import { detectDataset, detectionTable, evaluateProtocol, groundTruthOfDataset } from '@plumbline/data/eval';
import { openBytes } from '../open-bytes.js';
import type { GateFigures } from './accuracy-gate.js';

/** Images that speed is measured on. */
const speedImages = 8;
const speedRounds = 4;

/** Evaluates model files through the detector that ships, on one labelled dataset. */
export class ModelJudge {
  /** @param target what the files are written for */
  constructor(
    private readonly dataset: Dataset,
    private readonly manifest: ModelManifest,
    private readonly target?: ModelTarget,
  ) {}

  /** COCO figures of a model, fractions. */
  async evaluate(model: Uint8Array, onImage: (done: number) => void = () => {}): Promise<GateFigures> {
    const detector = await openBytes(model, this.manifest, this.target);
    try {
      const { results } = await detectDataset(
        this.dataset,
        { info: detector.info, detect: (image) => detector.detect(image) },
        onImage,
      );
      const truth = groundTruthOfDataset(this.dataset);
      const { stats } = await evaluateProtocol('coco', truth, detectionTable(results, truth));
      return stats as unknown as GateFigures;
    } finally {
      await detector.dispose();
    }
  }

  /** How many times the frame rate of `reference` another model has: rounds in turn over the same images, medians. */
  async compareSpeed(reference: Uint8Array, model: Uint8Array): Promise<number> {
    const detectors = [
      await openBytes(reference, this.manifest, this.target),
      await openBytes(model, this.manifest, this.target),
    ];
    const files = this.dataset.samples.slice(0, speedImages).map(({ file }) => file);
    const images = await Promise.all(files.map((file) => readImageRgb(file)));
    const times: [number[], number[]] = [[], []];
    try {
      for (let round = 0; round < speedRounds; round++) {
        for (const [which, detector] of detectors.entries()) {
          // The first image after the other model's turn finds the caches full of that.
          await detector.detect(images[0]!);
          for (const image of images) {
            const startedMs = performance.now();
            await detector.detect(image);
            times[which]!.push(performance.now() - startedMs);
          }
        }
      }
    } finally {
      for (const detector of detectors) await detector.dispose();
    }
    return median(times[0]) / median(times[1]);
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
