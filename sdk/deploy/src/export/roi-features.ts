/** Shapes in this module: R rois, C channels, S = roiSize. */
import type { RoiLevelRule } from '@plumbline/core/geometry';
import { FloatAttribute, type GraphBuilder, type Value } from './graph-builder.js';
import type { Proposals } from './proposals.js';

/** Strides of the levels that RoIs are pooled from, P2..P5. */
const strides = [4, 8, 16, 32] as const;

export interface RoiFeatures {
  /** float [R, C * S * S], channel-major. */
  readonly rows: Value;
  /** int64 [R, 1]: the roi that each row belongs to; absent when rows are in the order of the rois. */
  readonly roiOfRow?: Value;
}

export interface RoiFeatureOptions {
  readonly channels: number;
  readonly roiSize: number;
  readonly samplingRatio: number;
  readonly aligned: boolean;
  /** Factor of the sides of what is pooled, about the centre; the level is that of the box itself. 1 when absent. */
  readonly sideScale?: number;
  /** Which rounding decides at the boundary of two levels; mmdetection's when absent. */
  readonly levelRule?: RoiLevelRule;
  /** Operators whose shapes do not depend on the numbers; rows in order. */
  readonly isStatic?: boolean;
}

/** Upper left of every level's map by more than a pixel at any stride: RoIAlign reads zeros there. */
const outside = -16384;

/**
 * RoIAlign of every roi on the level of its size, k = clamp(floor(log2(sqrt(w h) / 56 + 1e-6)), 0, 3), written as
 * comparisons because ONNX has no log2. Rows stay grouped by level: only the few numbers computed from them are put
 * back in order (see {@link restoreOrder}), not the features. With static shapes every level pools all rois, those of
 * other levels from outside its map, and the sum over the levels is what each roi's own level returned.
 * @param pyramid P2..P5, float [1, C, h, w]
 * @param boxes   float [R, 4] xyxy, network px
 * @param image   int64 [R]
 * Source: FPN (arXiv:1612.03144) eq. 1; Mask R-CNN (arXiv:1703.06870) section 3; `aligned` is Detectron2's half-pixel shift.
 */
export function buildRoiFeatures(
  b: GraphBuilder,
  path: string,
  pyramid: readonly Value[],
  { boxes, image }: Pick<Proposals, 'boxes' | 'image'>,
  options: RoiFeatureOptions,
): RoiFeatures {
  const name = (part: string) => `${path}.${part}`;
  const [low, high] = b.split(name('corners'), boxes, [2, 2], 1);
  const [width, height] = b.split(name('sides'), b.op(name('side'), 'Sub', [high!, low!]), [1, 1], 1);
  const root = b.op(name('root'), 'Sqrt', [b.op(name('area'), 'Mul', [width!, height!])]);
  const relative = b.op(name('size0'), 'Div', [root, b.floats([56])]);
  const isTorchvision = options.levelRule === 'torchvision';
  const size = isTorchvision ? relative : b.op(name('size'), 'Add', [relative, b.floats([1e-6])]);
  // torchvision adds the millionth to the logarithm.
  const bounds = [2, 4, 8].map((bound) => (isTorchvision ? bound * 2 ** -1e-6 : bound));
  // [R, 3] -> how many of the thresholds 2, 4, 8 are reached; a degenerate box compares false with all: level 0.
  const reached = b.cast(name('reached'), b.op(name('isReached'), 'GreaterOrEqual', [size, b.floats(bounds)]), 'int64');
  const pooled = scaleSides(b, path, boxes, low!, high!, options.sideScale ?? 1);
  const roiAlign = (k: number, rois: Value, batch: Value) =>
    b.op(`${path}.p${k + 2}.roiAlign`, 'RoiAlign', [pyramid[k]!, rois, batch], {
      mode: 'avg',
      coordinate_transformation_mode: options.aligned ? 'half_pixel' : 'output_half_pixel',
      output_height: options.roiSize,
      output_width: options.roiSize,
      sampling_ratio: options.samplingRatio,
      spatial_scale: new FloatAttribute(1 / strides[k]!),
    });
  const toRows = (features: Value) =>
    b.reshape(name('rows'), features, [-1, options.channels * options.roiSize * options.roiSize]);
  const level = b.op(name('level'), 'ReduceSum', [reached, b.ints([1])], { keepdims: options.isStatic ? 1 : 0 });
  if (options.isStatic) {
    const parts = strides.map((_, k) => {
      const at = (part: string) => `${path}.p${k + 2}.${part}`;
      const isHere = b.op(at('isHere'), 'Equal', [level, b.ints([k], [])]);
      return roiAlign(k, b.op(at('rois'), 'Where', [isHere, pooled, b.floats([outside])]), image);
    });
    return { rows: toRows(b.op(name('features'), 'Sum', parts)) };
  }
  const parts = strides.map((_, k) => {
    const at = (part: string) => `${path}.p${k + 2}.${part}`;
    const isHere = b.op(at('isHere'), 'Equal', [level, b.ints([k], [])]);
    const index = b.op(at('index'), 'Squeeze', [b.op(at('nonZero'), 'NonZero', [isHere]), b.ints([0])]);
    const rois = b.op(at('rois'), 'Gather', [pooled, index]);
    return { index, features: roiAlign(k, rois, b.op(at('batch'), 'Gather', [image, index])) };
  });
  const joined = (part: 'features' | 'order', values: readonly Value[]) =>
    b.op(name(part), 'Concat', values, { axis: 0 });
  const features = joined(
    'features',
    parts.map((part) => part.features),
  );
  const order = joined(
    'order',
    parts.map((part) => part.index),
  );
  return { rows: toRows(features), roiOfRow: b.op(name('roiOfRow'), 'Unsqueeze', [order, b.ints([1])]) };
}

/** Source: `roi_rescale` of mmdetection 2.4, for Double-Head. */
function scaleSides(b: GraphBuilder, path: string, boxes: Value, low: Value, high: Value, scale: number): Value {
  if (scale === 1) return boxes;
  const name = (part: string) => `${path}.${part}`;
  const centre = b.op(name('centre'), 'Mul', [b.op(name('sum'), 'Add', [low, high]), b.floats([0.5])]);
  const half = b.op(name('half'), 'Mul', [b.op(name('extent'), 'Sub', [high, low]), b.floats([scale / 2])]);
  const corners = [b.op(name('from'), 'Sub', [centre, half]), b.op(name('to'), 'Add', [centre, half])];
  return b.op(name('scaled'), 'Concat', corners, { axis: 1 });
}

/**
 * Puts rows [R, n] that follow {@link RoiFeatures.roiOfRow} back into the order of the rois: the indices are a
 * permutation, so that scattering overwrites every row of `values` with another.
 */
export function restoreOrder(b: GraphBuilder, path: string, values: Value, roiOfRow: Value | undefined): Value {
  if (roiOfRow === undefined) return values;
  return b.op(`${path}.inOrder`, 'ScatterND', [values, roiOfRow, values]);
}
