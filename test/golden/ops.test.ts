import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  background,
  batchedNms,
  decodeBoxes,
  encodeBoxes,
  iouMatrix,
  levelAnchors,
  matchPriors,
  maxLogScale,
  nms,
  pyramidSizesHw,
  pyramidStrides,
  roiLevel,
  rpnStds,
  softNmsLinear,
  type Stds,
  stageStds,
  topKIndices,
} from '@plumbline/core/geometry';
import { describe, expect, it } from 'vitest';

// torchvision 0.14.1 / torch 1.13.1 and numpy; tolerances are those of the folder's README.
const golden = join(process.env.PLUMBLINE_GOLDEN ?? import.meta.dirname, 'ops');
const json = (file: string) => JSON.parse(readFileSync(join(golden, file), 'utf8'));
const flat = (rows: number[][]) => Float32Array.from(rows.flat());
const stdsNamed: Record<string, Stds> = {
  rpn: rpnStds,
  stage1: stageStds[0]!,
  stage2: stageStds[1]!,
  stage3: stageStds[2]!,
};

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, absolute: number, relative = 0): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const allowed = absolute + relative * Math.abs(expected[i]!);
    if (!(Math.abs(actual[i]! - expected[i]!) <= allowed))
      expect.fail(`[${i}] is ${actual[i]}, expected ${expected[i]}`);
  }
}

describe('the golden operations', () => {
  it.each(
    json('nms.json').nms as { name: string; boxes: number[][]; scores: number[]; iou_thr: number; keep: number[] }[],
  )('nms keeps what torchvision keeps: $name', ({ boxes, scores, iou_thr, keep }) => {
    const order = topKIndices(Float32Array.from(scores), scores.length);
    expect(nms(flat(boxes), order, iou_thr)).toEqual(keep);
  });

  const batchedCases = json('nms.json').batched_nms as BatchedCase[];
  const keptOf = ({ boxes, scores, idxs, iou_thr }: BatchedCase) =>
    batchedNms(flat(boxes), Float32Array.from(scores), idxs, iou_thr);

  it.each(batchedCases)('batchedNms keeps what torchvision keeps: $name', (entry) => {
    const { scores, keep, keep_sorted_by_index } = entry;
    const kept = keptOf(entry);
    expect([...kept].sort((a, b) => a - b)).toEqual(keep_sorted_by_index);
    expect(kept.map((i) => scores[i])).toEqual(keep.map((i) => scores[i]));
  });

  it('batchedNms orders what it keeps as torchvision does (which orders the ties of batched-2000 as it likes)', () => {
    const entry = batchedCases.find(({ name }) => name === 'batched-300')!;
    expect(keptOf(entry)).toEqual(entry.keep);
  });

  it.each(json('nms.json').soft_nms_linear as SoftCase[])(
    'softNmsLinear keeps and scores as the definition in float32: $name',
    ({ boxes, scores, iou_thr, min_score, keep, keep_scores }) => {
      const options = { iouThreshold: iou_thr, minScore: min_score };
      const result = softNmsLinear(flat(boxes), Float32Array.from(scores), options);
      expect(result.indices).toEqual(keep);
      expectClose(result.scores, keep_scores, 1e-6);
    },
  );

  it('iouMatrix equals torchvision.ops.box_iou', () => {
    const { a, b, iou } = json('box_iou.json');
    expectClose(iouMatrix(flat(a), flat(b)), flat(iou), 1e-6);
  });

  it('levelAnchors follows the mmdetection convention', () => {
    const { scale, ratios, grids, base, strides } = json('anchors.json');
    for (const stride of strides) expectClose(levelAnchors([1, 1], stride, scale, ratios), flat(base[stride]), 1e-4);
    for (const { stride, feat_h, feat_w, anchors } of grids) {
      expectClose(levelAnchors([feat_h, feat_w], stride, scale, ratios), flat(anchors), 1e-4);
    }
  });

  it('section 10 item 9: an input of 800 x 1344 has 268,569 anchors, the first, the last and the sums stored', () => {
    const { scale, ratios, count_800x1344: count } = json('anchors.json');
    const perLevel = pyramidSizesHw([800, 1344]).map((size, level) =>
      levelAnchors(size, pyramidStrides[level]!, scale, ratios),
    );
    expect(perLevel.map((anchors) => anchors.length / 4)).toEqual(count.per_level);
    expect(perLevel.reduce((sum, anchors) => sum + anchors.length / 4, 0)).toBe(268_569);
    expectClose(perLevel[0]!.subarray(0, 4), count.first, 1e-4);
    expectClose(perLevel[4]!.subarray(-4), count.last, 1e-4);
    const sums = (of: (value: number) => number) =>
      perLevel.map((anchors) => anchors.reduce((sum, value) => sum + of(value), 0));
    expectClose(sums((v) => v), count.sum_per_level_f64, 0, 1e-6);
    expectClose(sums(Math.abs), count.abs_sum_per_level_f64, 0, 1e-6);
  });

  it('encodeBoxes and decodeBoxes equal DeltaXYWH', () => {
    const { encode, decode, wh_ratio_clip } = json('box_coder.json');
    expect(maxLogScale).toBeCloseTo(wh_ratio_clip, 12);
    for (const { stds, rois, gt, deltas } of encode)
      expectClose(encodeBoxes(flat(rois), flat(gt), stdsNamed[stds]!), flat(deltas), 1e-4, 1e-5);
    for (const { stds, rois, deltas, max_shape, boxes, boxes_unclipped } of decode) {
      const decoded = (clipHw: [number, number]) => decodeBoxes(flat(rois), flat(deltas), stdsNamed[stds]!, clipHw);
      expectClose(decoded(max_shape), flat(boxes), 1e-3, 1e-5);
      if (boxes_unclipped === undefined) continue;
      // A large image clips at 0 only.
      const unclipped = flat(boxes_unclipped).map((value) => Math.max(0, value));
      expectClose(decoded([1e6, 1e6]), unclipped, 1e-3, 1e-5);
    }
  });

  it('section 10 item 1: decoding gives back what was encoded, and the boxes of the DeltaXYWH example', () => {
    const { encode, spec10_item1: item } = json('box_coder.json');
    const unclipped = [Infinity, Infinity] as const;
    for (const { stds, rois, gt, roundtrip } of encode) {
      const back = decodeBoxes(flat(rois), encodeBoxes(flat(rois), flat(gt), stdsNamed[stds]!), stdsNamed[stds]!, unclipped);
      expectClose(back, flat(gt), 1e-4);
      expectClose(back, flat(roundtrip), 1e-4);
    }
    expectClose(decodeBoxes(flat(item.rois), flat(item.deltas), item.stds, item.max_shape), flat(item.boxes), 1e-4);
  });

  it('roiLevel equals the level rule, the inverted box included', () => {
    const { boxes, levels } = json('roi_level.json');
    expect(boxes.map(([x1, y1, x2, y2]: number[]) => roiLevel(x1!, y1!, x2!, y2!))).toEqual(levels);
  });

  const { cases } = json('matcher.json') as { cases: MatcherCase[] };
  it.each(cases)('matchPriors assigns as MaxIoUAssigner: $name', (entry) => {
    const anchors = typeof entry.anchors === 'string' ? rpnAnchors(entry) : flat(entry.anchors);
    const lowQuality = entry.low_quality ? { lowQualityMinIou: entry.min_pos } : {};
    const thresholds = { positiveIou: entry.pos, negativeIou: entry.neg, ...lowQuality };
    const { gtIndex, maxIou } = matchPriors(anchors, flat(entry.gt), thresholds);
    if (entry.max_iou) expectClose(maxIou, entry.max_iou, 1e-6);
    // Stored: 0 negative, -1 ignored, k ground truth k; the large cases list only what is not 0.
    const expected = entry.assigned ?? new Array<number>(entry.n_anchors!).fill(0);
    entry.nonzero_index?.forEach((index, i) => {
      expected[index] = entry.nonzero_assigned![i]!;
    });
    expect([...gtIndex].map((g) => (g >= 0 ? g + 1 : g === background ? 0 : -1))).toEqual(expected);
  });
});

interface BatchedCase {
  name: string;
  boxes: number[][];
  scores: number[];
  idxs: number[];
  iou_thr: number;
  keep: number[];
  keep_sorted_by_index: number[];
}

interface SoftCase {
  name: string;
  boxes: number[][];
  scores: number[];
  iou_thr: number;
  min_score: number;
  keep: number[];
  keep_scores: number[];
}

interface MatcherCase {
  name: string;
  pos: number;
  neg: number;
  min_pos: number;
  low_quality: boolean;
  height?: number;
  width?: number;
  gt: number[][];
  /** Boxes, or a sentence that names the grid of anchors.json. */
  anchors: number[][] | string;
  assigned?: number[];
  max_iou?: number[];
  n_anchors?: number;
  nonzero_index?: number[];
  nonzero_assigned?: number[];
}

function rpnAnchors({ height, width }: MatcherCase): Float32Array {
  const { scale, ratios } = json('anchors.json');
  const levels = pyramidSizesHw([height!, width!]).map((size, level) =>
    levelAnchors(size, pyramidStrides[level]!, scale, ratios),
  );
  return Float32Array.from(levels.flatMap((anchors) => [...anchors]));
}
