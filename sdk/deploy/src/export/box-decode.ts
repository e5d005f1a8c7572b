import { type Conventions, maxLogScale } from '@plumbline/core/geometry';
import { absent, type GraphBuilder, type Value } from './graph-builder.js';

/**
 * Applies deltas to priors and clips the result.
 * @param priors float [..., 4] xyxy px
 * @param deltas float [..., 4], already multiplied by the stage's stds; broadcasts with `priors`
 * @param limits float [4]: width, height, width, height in px
 * @param clamp  whether logarithms of sides are limited on both sides or from above only
 * @returns float [..., 4] xyxy px
 */
export function buildDecode(
  b: GraphBuilder,
  path: string,
  priors: Value,
  deltas: Value,
  limits: Value,
  clamp: Conventions['clamp'],
): Value {
  const name = (part: string) => `${path}.${part}`;
  const half = b.floats([0.5]);
  const [low, high] = b.split(name('corners'), priors, [2, 2], -1);
  const [shift, logScale] = b.split(name('deltas'), deltas, [2, 2], -1);
  const side = b.op(name('side'), 'Sub', [high!, low!]);
  const center = b.op(name('center'), 'Mul', [b.op(name('sum'), 'Add', [low!, high!]), half]);
  const newCenter = b.op(name('newCenter'), 'Add', [center, b.op(name('shift'), 'Mul', [side, shift!])]);
  const lowest = clamp === 'both' ? b.floats([-maxLogScale], []) : absent;
  const bounded = b.op(name('bounded'), 'Clip', [logScale!, lowest, b.floats([maxLogScale], [])]);
  const halfSide = b.op(name('halfSide'), 'Mul', [
    b.op(name('newSide'), 'Mul', [side, b.op(name('exp'), 'Exp', [bounded])]),
    half,
  ]);
  const corners = [b.op(name('low'), 'Sub', [newCenter, halfSide]), b.op(name('high'), 'Add', [newCenter, halfSide])];
  return buildClip(b, path, b.op(name('boxes'), 'Concat', corners, { axis: -1 }), limits);
}

/** Limits xyxy boxes [..., 4] to [0, limits]. */
export function buildClip(b: GraphBuilder, path: string, boxes: Value, limits: Value): Value {
  const belowLimit = b.op(`${path}.clipHigh`, 'Min', [boxes, limits]);
  return b.op(`${path}.clipLow`, 'Max', [belowLimit, b.floats([0])]);
}

/** Whether both sides of each box [..., 4] are at least `side` px. @returns bool [..., 1] */
export function buildIsAtLeast(b: GraphBuilder, path: string, boxes: Value, side: number): Value {
  const name = (part: string) => `${path}.${part}`;
  const [low, high] = b.split(name('ends'), boxes, [2, 2], -1);
  const isLong = b.op(name('isLong'), 'GreaterOrEqual', [b.op(name('sides'), 'Sub', [high!, low!]), b.floats([side])]);
  return b.op(name('isLarge'), 'And', b.split(name('both'), isLong, [1, 1], -1));
}
