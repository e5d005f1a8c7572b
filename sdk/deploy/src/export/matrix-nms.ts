/** Shapes in this module: k boxes. */
import type { GraphBuilder, Value } from './graph-builder.js';

/**
 * Rounds after which the matrix NMS of every proposal set seen had long settled: the most needed was 9 (1,250 sets of 250
 * boards; `plumbline bench nms`).
 */
export const matrixNmsRounds = 16;

/**
 * Non-maximum suppression as a fixed number of matrix products. S holds a 1 where box i overlaps a lower-ranked box j by
 * more than the threshold; a round keeps every box that no kept box overlaps: keep' = (keep S < 1/2), beginning with all.
 * The decision on a box is final once those on all boxes before it in its chain of overlaps are, so that after as many
 * rounds as the longest chain has links the result is that of greedy suppression, and further rounds do not change it.
 * @param boxes float [k, 4] xyxy, by descending score
 * @returns bool [k]: the boxes that stay
 * Source: cluster NMS, Zheng et al., arXiv:2005.03572, section III-C and its proposition 1.
 */
export function buildMatrixNms(
  b: GraphBuilder,
  path: string,
  boxes: Value,
  count: number,
  iouThreshold: number,
  rounds: number,
): Value {
  const name = (part: string) => `${path}.${part}`;
  const column = b.split(name('corners'), boxes, [1, 1, 1, 1], 1);
  const row = column.map((corner, i) => b.reshape(name(`row${i}`), corner, [1, count]));
  const overlap = (low: number, high: number, axis: string) => {
    const from = b.op(name(`${axis}.from`), 'Max', [column[low]!, row[low]!]);
    const to = b.op(name(`${axis}.to`), 'Min', [column[high]!, row[high]!]);
    return b.op(name(axis), 'Max', [b.op(name(`${axis}.length`), 'Sub', [to, from]), b.floats([0])]);
  };
  const shared = b.op(name('shared'), 'Mul', [overlap(0, 2, 'x'), overlap(1, 3, 'y')]);
  const sides = [
    b.op(name('width'), 'Sub', [column[2]!, column[0]!]),
    b.op(name('height'), 'Sub', [column[3]!, column[1]!]),
  ];
  const area = b.op(name('area'), 'Mul', sides);
  const both = b.op(name('areas'), 'Add', [area, b.reshape(name('areaRow'), area, [1, count])]);
  const iou = b.op(name('iou'), 'Div', [shared, b.op(name('union'), 'Sub', [both, shared])]);
  const isOver = b.op(name('isOver'), 'Greater', [iou, b.floats([iouThreshold])]);
  const ranks = Array.from({ length: count }, (_, i) => i);
  const isBefore = b.op(name('isBefore'), 'Less', [b.floats(ranks, [count, 1]), b.floats(ranks, [1, count])]);
  const overlaps = b.cast(name('overlaps'), b.op(name('isSuppressor'), 'And', [isOver, isBefore]), 'float');
  let keep = b.floats(new Array<number>(count).fill(1), [1, count]);
  let isKept: Value | undefined;
  for (let round = 1; round <= rounds; round++) {
    const by = b.op(name(`round${round}`), 'MatMul', [keep, overlaps]);
    isKept = b.op(name(`isKept${round}`), 'Less', [by, b.floats([0.5])]);
    if (round < rounds) keep = b.cast(name(`keep${round}`), isKept, 'float');
  }
  return b.reshape(name('kept'), isKept!, [count]);
}
