import { type Dataset, pictureJpeg, readImageRgb, type SampleRef } from '@plumbline/data/dataset';
import { type DetectorModel, detectImage } from '../model/index.js';
import type { PagePicture, PagePredictions } from './messages.js';

/** Longest side of a picture sent to the browser, px. */
const longestPx = 720;
/** Lowest score sent: what the page's control can show. */
const lowestScore = 0.05;
/** Looking at predictions takes at most this share of the time. */
const largestShare = 0.03;
/** Seconds between two looks, at least. */
const shortestPause = 10;

/** What the model says at present to a few images of the validation data; changes nothing in training. */
export class PredictionPictures {
  private readonly samples: readonly SampleRef[];
  private nextMs = 0;

  /** @param count images, spread over those with boxes */
  constructor(dataset: Dataset, count = 8) {
    const labelled = dataset.samples.filter(({ gtLabels }) => gtLabels.length > 0);
    const from = labelled.length > 0 ? labelled : dataset.samples;
    const kept = Math.min(count, from.length);
    this.samples = Array.from({ length: kept }, (_, i) => from[Math.floor((i * from.length) / kept)]!);
  }

  /** True when so much time went since the last look that another costs little beside it. */
  isDue(nowMs = performance.now()): boolean {
    return this.samples.length > 0 && nowMs >= this.nextMs;
  }

  async look(model: DetectorModel, step: number): Promise<PagePredictions> {
    const startedMs = performance.now();
    const pictures: PagePicture[] = [];
    for (const [i, sample] of this.samples.entries()) {
      const calls = await detectImage(model, await readImageRgb(sample.file), lowestScore);
      pictures.push({
        name: sample.stem,
        url: `/pictures/${i}.jpg`,
        width: sample.width,
        height: sample.height,
        truths: Array.from(sample.gtLabels, (classId, row) => ({
          classId,
          boxXyxy: boxAt(sample.gtBoxesXyxy, row),
        })),
        calls: calls.map(({ classId, score, boxXyxy }) => ({ classId, score, boxXyxy })),
      });
    }
    const endedMs = performance.now();
    this.nextMs = endedMs + Math.max(1000 * shortestPause, (endedMs - startedMs) / largestShare);
    return { step, pictures };
  }

  /** @param path as in {@link PagePicture.url} @returns JPEG, or undefined where there is no such picture */
  async jpeg(path: string): Promise<Buffer | undefined> {
    const [, index] = /^\/pictures\/(\d+)\.jpg$/.exec(path) ?? [];
    const sample = index === undefined ? undefined : this.samples[Number(index)];
    return sample && pictureJpeg(await readImageRgb(sample.file), longestPx);
  }
}

function boxAt(boxes: ArrayLike<number>, row: number): [number, number, number, number] {
  return [boxes[4 * row]!, boxes[4 * row + 1]!, boxes[4 * row + 2]!, boxes[4 * row + 3]!];
}
