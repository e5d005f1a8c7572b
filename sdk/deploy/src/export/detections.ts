/** Shapes in this module: B images, R proposals of all of them, C foreground classes, S boxes kept by NMS, N detections. */
import type { TrainConfig } from '@plumbline/contract';
import { buildClip } from './box-decode.js';
import type { NetworkImage } from './frame-input.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import type { HeadOutput } from './heads.js';
import { findRows, keepOnly, pairColumns } from './kept-rows.js';

export interface FinalDetections {
  /** float [N, 4] xyxy, source px, by descending score. */
  readonly boxes: Value;
  /** float [N]. */
  readonly scores: Value;
  /** int64 [N], 0-based. */
  readonly classes: Value;
  /** int64 [N], ascending: the image of each. */
  readonly images: Value;
}

/**
 * Pairs (region, class) above the score threshold, NMS per image and class, the best `maxDetections` of each image, mapped
 * to the source frame. To NonMaxSuppression every class of every image is a class of its own, in which the regions of
 * other images score minus infinity.
 */
export function buildDetections(
  b: GraphBuilder,
  config: TrainConfig['test'],
  heads: HeadOutput,
  network: NetworkImage,
  classCount: number,
): FinalDetections {
  const { boxes, probabilities, isClassSpecific } = heads;
  const named = (part: string) => `detections.${part}`;
  const never = b.floats([Number.NEGATIVE_INFINITY]);
  // [B, 1]: 0..B-1.
  const batchSize = b.op(named('batch'), 'Squeeze', [network.batch, b.ints([0])]);
  const imageIds = b.op(named('imageIds'), 'Range', [b.ints([0], []), batchSize, b.ints([1], [])]);
  const imageColumn = b.op(named('imageColumn'), 'Unsqueeze', [imageIds, b.ints([1])]);
  const isOfImage = b.op(named('isOfImage'), 'Equal', [imageColumn, heads.image]);
  const perClass = b.op(named('perClass'), 'Transpose', [probabilities], { perm: [1, 0] });
  // Class-specific boxes [C, R, 4] with scores [C, B, R]; shared boxes [1, R, 4] with scores [1, B * C, R].
  const nmsBoxes = isClassSpecific
    ? b.op(named('boxesPerClass'), 'Transpose', [boxes], { perm: [1, 0, 2] })
    : b.op(named('boxesBatch'), 'Unsqueeze', [boxes, b.ints([0])]);
  const scoresOf = b.op(named('scoresOfImage'), 'Where', [
    b.op(named('isOfImageAndClass'), 'Unsqueeze', [isOfImage, b.ints([isClassSpecific ? 0 : 1])]),
    b.op(named('scoresPerClass'), 'Unsqueeze', [perClass, b.ints([isClassSpecific ? 1 : 0])]),
    never,
  ]);
  // Sizes are said, never inferred: there may be no region at all.
  const regionCount = b.op(named('regionCount'), 'Shape', [heads.image]);
  const times = (name: string, size: Value) => b.op(named(name), 'Mul', [size, b.ints([classCount])]);
  const joined = (name: string, sizes: readonly Value[]) => b.op(named(name), 'Concat', sizes, { axis: 0 });
  const scoresShape = () => joined('scoresShape', [b.ints([1]), times('classesOfAll', network.batch), regionCount]);
  const nmsScores = isClassSpecific ? scoresOf : b.op(named('scoresBatch'), 'Reshape', [scoresOf, scoresShape()]);
  const selected = b.op(named('nms'), 'NonMaxSuppression', [
    nmsBoxes,
    nmsScores,
    b.ints([config.maxDetections]),
    b.floats([config.nmsIou]),
    b.floats([config.scoreThreshold]),
  ]);
  // Places [S, 3] in scores [C, B, R], or [S, 2] in [B * C, R].
  const kept = isClassSpecific ? selected : b.op(named('kept'), 'Gather', [selected, b.ints([1, 2])], { axis: 1 });
  const scoreTable = isClassSpecific ? nmsScores : b.op(named('scoreTable'), 'Squeeze', [nmsScores, b.ints([0])]);
  const table = keepOnly(b, named('table'), scoreTable, kept);
  // [B, C * R], class by class.
  const imageRows = isClassSpecific ? b.op(named('imageRows'), 'Transpose', [table], { perm: [1, 0, 2] }) : table;
  const rowWidth = times('rowWidth', regionCount);
  const rowShape = joined('rowShape', [network.batch, rowWidth]);
  const rows = b.op(named('rows'), 'Reshape', [imageRows, rowShape]);
  const limit = b.op(named('limit'), 'Min', [rowWidth, b.ints([config.maxDetections])]);
  const [top, place] = b.multi(named('top'), 'TopK', [rows, limit], 2, { axis: 1 });
  const found = findRows(b, named('found'), b.op(named('isFound'), 'Greater', [top!, never]));
  const scores = b.op(named('scores'), 'GatherND', [top!, found]);
  const images = b.op(named('images'), 'Gather', [found, b.ints([0], [])], { axis: 1 });
  const flat = b.op(named('place'), 'GatherND', [place!, found]);
  const divisor = b.op(named('divisor'), 'Max', [regionCount, b.ints([1])]);
  const classes = b.op(named('classes'), 'Div', [flat, divisor]);
  const regions = b.op(named('region'), 'Sub', [flat, b.op(named('classStart'), 'Mul', [classes, regionCount])]);
  const networkBoxes = isClassSpecific
    ? b.op(named('networkBoxes'), 'GatherND', [boxes, pairColumns(b, named('boxPlace'), regions, classes)])
    : b.op(named('networkBoxes'), 'Gather', [boxes, regions]);
  const final = { scores, classes, images };
  if (!network.toSource || !network.sourceLimits) return { boxes: networkBoxes, ...final };
  const scaled = b.op(named('scaled'), 'Mul', [networkBoxes, network.toSource]);
  return { boxes: buildClip(b, 'detections', scaled, network.sourceLimits), ...final };
}
