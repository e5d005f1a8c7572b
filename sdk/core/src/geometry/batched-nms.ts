import { nms } from './nms.js';
import { topKIndices } from './top-k.js';

/**
 * Greedy suppression inside each group (pyramid level or class), merged by score: what torchvision and mmdetection
 * reach by shifting the boxes of each group apart, without the shift's rounding.
 * @param boxesXyxy [N * 4] px
 * @param scores    [N]
 * @param groups    [N] any integers
 * @param maxKeep   how many of the merged boxes are returned
 * @returns kept indices by descending score, ties to the lower index
 * Source: torchvision.ops.batched_nms; decoupled-rcnn specification section 3.2.
 */
export function batchedNms(
  boxesXyxy: Float32Array,
  scores: Float32Array,
  groups: ArrayLike<number>,
  iouThreshold: number,
  maxKeep = Infinity,
): number[] {
  const orderOfGroup = new Map<number, number[]>();
  const rank = new Int32Array(scores.length);
  topKIndices(scores, scores.length).forEach((index, place) => {
    rank[index] = place;
    const order = orderOfGroup.get(groups[index]!) ?? [];
    orderOfGroup.set(groups[index]!, order);
    order.push(index);
  });
  const kept = [...orderOfGroup.values()].flatMap((order) => nms(boxesXyxy, order, iouThreshold, maxKeep));
  return kept.sort((a, b) => rank[a]! - rank[b]!).slice(0, maxKeep);
}
