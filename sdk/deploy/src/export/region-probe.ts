/** Shapes in this module: R regions, C classes. */
import { type Detection, pairsAbove } from '@plumbline/core/geometry';
import { boxToSource, type ImageRgb, placeImage } from '@plumbline/core/image';
import { createFrameRunner, type FrameRunner } from '@plumbline/runtime/session';
import type { Checkpoint } from './checkpoint.js';
import type { ExportedModel } from './detector-graph.js';

/** What an exported graph chooses its detections from: its regions before suppression. */
export class RegionProbe {
  private constructor(
    private readonly runner: FrameRunner,
    private readonly names: readonly [boxes: string, scores: string],
    private readonly checkpoint: Checkpoint,
  ) {}

  /** @param exported for TensorRT, or portable with its intermediate values */
  static async open(exported: ExportedModel, checkpoint: Checkpoint): Promise<RegionProbe> {
    const { bytes, input, outputs } = exported;
    const names = outputs.kind === 'regions' ? ([outputs.boxes, outputs.scores] as const) : portableNames;
    return new RegionProbe(await createFrameRunner(bytes, input), names, checkpoint);
  }

  /** @returns every region with each class that it scores above the threshold, source px, by descending score */
  async run(image: ImageRgb): Promise<Detection[]> {
    const { config, classes } = this.checkpoint;
    const results = await this.runner.run(image, this.names);
    const [boxesXyxy, scores] = this.names.map((name) => results.get(name)!) as [Float32Array, Float32Array];
    const count = scores.length / classes.length;
    const regions = {
      count,
      classes: classes.length,
      boxesXyxy,
      isClassSpecific: boxesXyxy.length > 4 * count,
      scoreOf: (r: number, c: number) => scores[r * classes.length + c]!,
    };
    const placement = placeImage([image.height, image.width], config.imageSizeHw);
    return pairsAbove(regions, config.test.scoreThreshold).map(({ classId, score, boxXyxy }) => ({
      classId,
      className: classes[classId]!,
      score,
      boxXyxy: boxToSource(boxXyxy, placement, image),
    }));
  }

  dispose(): Promise<void> {
    return this.runner.dispose();
  }
}

const portableNames = ['refined', 'probabilities'] as const;
