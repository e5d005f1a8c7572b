/** Shapes in this module: k boxes of a level, K of all levels. */
import { nms } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import { createFrameRunner, createValueRunner, type FrameRunner, type ValueRunner } from '@plumbline/runtime/session';
import type { Checkpoint } from './checkpoint.js';
import { buildDetector } from './detector-graph.js';
import { buildPreparedInput, preparedInput } from './frame-input.js';
import { GraphBuilder } from './graph-builder.js';
import { buildMatrixNms, matrixNmsRounds } from './matrix-nms.js';
import { buildCandidates } from './proposals.js';

/** One set of candidates suppressed in three ways. */
export interface SuppressedSet {
  readonly boxes: number;
  /** Greedy suppression keeps so many. */
  readonly kept: number;
  /** Whether the matrix NMS of an exported graph keeps the same. */
  readonly isEqual: boolean;
  /** Rounds after which nothing changed. */
  readonly roundsNeeded: number;
  readonly ms: {
    /** The exported graph's matrix NMS in ONNX Runtime on this processor. */
    readonly matrix: number;
    /** The operator NonMaxSuppression there. */
    readonly operator: number;
    /** `nms` of @plumbline/core. */
    readonly greedy: number;
  };
}

/** Rounds that are looked at, at most. */
const roundsWatched = 64;

/** Suppresses the candidates that a detector finds in images, level by level. */
export class NmsStudy {
  private readonly graphs = new Map<
    number,
    { readonly matrix: ValueRunner; readonly rounds: ValueRunner; readonly operator: ValueRunner }
  >();

  private constructor(
    private readonly candidates: FrameRunner,
    private readonly counts: readonly number[],
    private readonly iou: number,
  ) {}

  static async open(checkpoint: Checkpoint): Promise<NmsStudy> {
    const { config } = checkpoint;
    const { mean } = config.normalization;
    let counts: readonly number[] = [];
    const graph = buildDetector(checkpoint, 17, {
      target: 'portable',
      network: (b) => buildPreparedInput(b, config.imageSizeHw, mean),
      detect(b, weights, pyramid, network) {
        const found = buildCandidates(b, weights, config, pyramid, network.contentLimits);
        counts = found.counts;
        b.output('boxes', found.boxes, 'float', [1, 'K', 4]);
      },
      input: preparedInput(config.imageSizeHw, mean),
      outputs: { kind: 'finalTable', table: 'boxes' },
    });
    const runner = await createFrameRunner(graph.bytes, graph.input);
    return new NmsStudy(runner, counts, config.proposals.nmsClassification);
  }

  /** One entry for each level of the pyramid. */
  async run(image: ImageRgb): Promise<SuppressedSet[]> {
    const all = (await this.candidates.run(image, ['boxes'])).get('boxes')!;
    const sets: SuppressedSet[] = [];
    let start = 0;
    for (const count of this.counts) {
      sets.push(await this.suppress(all.slice(4 * start, 4 * (start + count)), count));
      start += count;
    }
    return sets;
  }

  async dispose(): Promise<void> {
    await this.candidates.dispose();
    for (const graphs of this.graphs.values()) for (const graph of Object.values(graphs)) await graph.dispose();
  }

  private async suppress(boxes: Float32Array, count: number): Promise<SuppressedSet> {
    const { matrix, rounds, operator } = await this.graphsOf(count);
    const ranks = Array.from({ length: count }, (_, i) => i);
    const startedMs = performance.now();
    const greedy = nms(boxes, ranks, this.iou);
    const greedyMs = performance.now() - startedMs;
    const input = { boxes: { data: boxes, dims: [1, count, 4] } };
    const found = await matrix.run(input, ['kept']);
    const byOperator = await operator.run(input, ['kept']);
    const names = Array.from({ length: roundsWatched }, (_, i) => `round${i + 1}`);
    const steps = (await rounds.run(input, names)).values;
    const last = text(steps.get(names.at(-1)!)!);
    const settled = names.findIndex((name) => text(steps.get(name)!) === last);
    const expected = new Uint8Array(count);
    for (const i of greedy) expected[i] = 1;
    return {
      boxes: count,
      kept: greedy.length,
      isEqual: text(found.values.get('kept')!) === text(expected),
      roundsNeeded: settled + 1,
      ms: { matrix: found.ms, operator: byOperator.ms, greedy: greedyMs },
    };
  }

  private async graphsOf(count: number) {
    const known = this.graphs.get(count);
    if (known) return known;
    const graphs = {
      matrix: await this.open(count, (b, boxes) =>
        b.output('kept', buildMatrixNms(b, 'nms', boxes, [1, count], this.iou, matrixNmsRounds).at(-1)!, 'bool', [
          1,
          1,
          count,
        ]),
      ),
      rounds: await this.open(count, (b, boxes) => {
        const rounds = buildMatrixNms(b, 'nms', boxes, [1, count], this.iou, roundsWatched);
        for (const [i, isKept] of rounds.entries()) b.output(`round${i + 1}`, isKept, 'bool', [1, 1, count]);
      }),
      operator: await this.open(count, (b, boxes) => {
        const scores = Array.from({ length: count }, (_, i) => -i);
        const inputs = [boxes, b.floats(scores, [1, 1, count]), b.ints([count]), b.floats([this.iou])];
        b.output('kept', b.op('nms', 'NonMaxSuppression', inputs), 'int64', ['kept', 3]);
      }),
    };
    this.graphs.set(count, graphs);
    return graphs;
  }

  private open(count: number, build: (b: GraphBuilder, boxes: ReturnType<GraphBuilder['input']>) => void) {
    const b = new GraphBuilder('nms', 17);
    build(b, b.input('boxes', 'float', [1, count, 4]));
    return createValueRunner(b.finish('0.1.0', {}));
  }
}

function text(values: ArrayLike<unknown>): string {
  return Array.from(values, Number).join('');
}
