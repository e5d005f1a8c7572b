/** Shapes in this module: L sets of boxes, k boxes of each. */
import type { GraphBuilder, Value } from './graph-builder.js';

/**
 * Rounds in an exported graph. `plumbline bench nms` on 1,000 sets of 300 proposals of real boards: median 6, 99 % within
 * 12, most 18; on 1,000 sets of up to 1,000 proposals: median 9, 99 % within 19, most 28.
 */
export const matrixNmsRounds = 48;

/**
 * Non-maximum suppression of several sets at once as a fixed number of matrix products. S holds a 1 where box i overlaps a
 * lower-ranked box j of its set by more than the threshold; a round keeps every box that no kept box overlaps:
 * keep' = (keep S < 1/2), beginning with all. The decision on a box is final once those on all boxes before it in its
 * chain of overlaps are, so that after as many rounds as the longest chain has links the result is that of greedy
 * suppression, and further rounds do not change it.
 * @param boxes float [L, k, 4] xyxy, each set by descending score; boxes without area, as padding, suppress nothing
 * @param shape L and k
 * @returns bool [L, 1, k]: the boxes that stay after each round
 * Source: cluster NMS, Zheng et al., arXiv:2005.03572, section III-C and its proposition 1.
 */
export function buildMatrixNms(
  b: GraphBuilder,
  path: string,
  boxes: Value,
  [sets, count]: readonly [number, number],
  iouThreshold: number,
  rounds: number,
): Value[] {
  const name = (part: string) => `${path}.${part}`;
  const column = b.split(name('corners'), boxes, [1, 1, 1, 1], 2);
  const toRow = (part: string, value: Value) => b.reshape(name(part), value, [sets, 1, count]);
  const row = column.map((corner, i) => toRow(`row${i}`, corner));
  const overlap = (low: number, high: number, axis: string) => {
    const from = b.op(name(`${axis}.from`), 'Max', [column[low]!, row[low]!]);
    const to = b.op(name(`${axis}.to`), 'Min', [column[high]!, row[high]!]);
    return b.op(name(axis), 'Max', [b.op(name(`${axis}.length`), 'Sub', [to, from]), b.floats([0])]);
  };
  const shared = b.op(name('shared'), 'Mul', [overlap(0, 2, 'x'), overlap(1, 3, 'y')]);
  const side = (part: string, low: number, high: number) => b.op(name(part), 'Sub', [column[high]!, column[low]!]);
  const area = b.op(name('area'), 'Mul', [side('width', 0, 2), side('height', 1, 3)]);
  const both = b.op(name('areas'), 'Add', [area, toRow('areaRow', area)]);
  const iou = b.op(name('iou'), 'Div', [shared, b.op(name('union'), 'Sub', [both, shared])]);
  const isOver = b.op(name('isOver'), 'Greater', [iou, b.floats([iouThreshold])]);
  const ranks = Array.from({ length: count }, (_, i) => i);
  const isBefore = b.op(name('isBefore'), 'Less', [b.floats(ranks, [count, 1]), b.floats(ranks, [1, count])]);
  const overlaps = b.cast(name('overlaps'), b.op(name('isSuppressor'), 'And', [isOver, isBefore]), 'float');
  let keep = b.floats(new Array<number>(sets * count).fill(1), [sets, 1, count]);
  const isKept: Value[] = [];
  for (let round = 1; round <= rounds; round++) {
    const by = b.op(name(`round${round}`), 'MatMul', [keep, overlaps]);
    isKept.push(b.op(name(`isKept${round}`), 'Less', [by, b.floats([0.5])]));
    if (round < rounds) keep = b.cast(name(`keep${round}`), isKept.at(-1)!, 'float');
  }
  return isKept;
}
