import type { ModelInput } from '@plumbline/contract';
import { placeImage } from '@plumbline/core/image';
import { absent, type GraphBuilder, type Value } from './graph-builder.js';

/** The network's image and what maps its pixels to the source frame. */
export interface NetworkImage {
  /** float [B, 3, H, W] of the network size; mean subtracted, padding zero. */
  readonly image: Value;
  /** int64 [1]: B, read where the frames come in, so that nothing but the first convolution reads the image. */
  readonly batch: Value;
  /** float [4]: width, height, width, height of the frame's content in network px. */
  readonly contentLimits: Value;
  /** float [4]: source px per network px as x, y, x, y; undefined where boxes stay in network px. */
  readonly toSource?: Value;
  /** float [4]: width, height, width, height of the source frame, px; undefined where boxes stay in network px. */
  readonly sourceLimits?: Value;
}

/**
 * Takes frames of one size, whatever it is, to the network size: scale s = min(H / h, W / w), new sides floor(side * s + 0.5) computed
 * in float64, bilinear resize with half-pixel centres (a copy when the sides are equal), mean subtracted, then zeros
 * at the bottom and right. The division by std is the stem's (see buildBackbone): zero padding stays exact either way.
 */
export function buildFrameInput(
  b: GraphBuilder,
  sizeHw: readonly [number, number],
  mean: readonly number[],
): NetworkImage {
  const frame = b.input('frame', 'uint8', ['batch', 'height', 'width', 3]);
  const shape = b.op('input.shape', 'Shape', [frame]);
  const frameHw = b.op('input.hw', 'Gather', [shape, b.ints([1, 2])], { axis: 0 });
  const frameHw64 = b.cast('input.hw64', frameHw, 'double');
  const double = (values: readonly number[]) =>
    b.constant(`const.double.${values.length}`, 'double', [values.length], values);
  const ratios = b.op('input.ratios', 'Div', [double(sizeHw), frameHw64]);
  const [ratioH, ratioW] = b.split('input.ratio', ratios, [1, 1], 0);
  const scale = b.op('input.scale', 'Min', [ratioH!, ratioW!]);
  const scaled = b.op('input.scaled', 'Add', [b.op('input.scaled0', 'Mul', [frameHw64, scale]), double([0.5])]);
  const newHw64 = b.op('input.newHw64', 'Max', [b.op('input.floor', 'Floor', [scaled]), double([1])]);
  const newHw = b.cast('input.newHw', newHw64, 'int64');

  // Bytes are turned before they become floats: a quarter of the memory moves.
  const pixels = b.cast('input.float', b.op('input.nchw', 'Transpose', [frame], { perm: [0, 3, 1, 2] }), 'float');
  const batch = b.op('input.batch', 'Gather', [shape, b.ints([0])], { axis: 0 });
  const sizes = b.op('input.sizes', 'Concat', [batch, b.ints([3]), newHw], { axis: 0 });
  let x = b.op('input.resize', 'Resize', [pixels, absent, absent, sizes], {
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
  x = subtractMean(b, x, mean);
  const padHw = b.op('input.padHw', 'Sub', [b.ints(sizeHw), newHw]);
  const pads = b.op('input.pads', 'Concat', [b.ints([0, 0, 0, 0, 0, 0]), padHw], { axis: 0 });
  x = b.op('input.pad', 'Pad', [x, pads], { mode: 'constant' });
  // The shape is known from here on, and the batch has one name; ONNX Runtime chooses better kernels when the graph says so.
  x = b.describe(b.reshape('input.image', x, [-1, 3, ...sizeHw]), ['batch', 3, ...sizeHw]);

  const asLimits = (name: string, hw: Value) =>
    b.op(name, 'Gather', [b.cast(`${name}Hw`, hw, 'float'), b.ints([1, 0, 1, 0])], { axis: 0 });
  return {
    image: x,
    batch,
    contentLimits: asLimits('input.contentLimits', newHw),
    toSource: asLimits('input.toSource', b.op('input.inverse', 'Div', [frameHw64, newHw64])),
    sourceLimits: asLimits('input.sourceLimits', frameHw),
  };
}

/** Takes images of the network size as float [B, 3, H, W] RGB, for checks that start behind the resize. */
export function buildFloatInput(
  b: GraphBuilder,
  sizeHw: readonly [number, number],
  mean: readonly number[],
): NetworkImage {
  const [h, w] = sizeHw;
  const input = b.input('image', 'float', ['batch', 3, h, w]);
  const batch = b.op('input.batch', 'Gather', [b.op('input.shape', 'Shape', [input]), b.ints([0])], { axis: 0 });
  return { image: subtractMean(b, input, mean), batch, contentLimits: b.floats([w, h, w, h]) };
}

/** What {@link buildPreparedInput} takes, as a manifest says it. */
export function preparedInput(
  networkSizeHw: readonly [number, number],
  mean: readonly [number, number, number],
): ModelInput {
  return {
    kind: 'image',
    name: 'image',
    layout: 'NCHW',
    color: 'RGB',
    networkSizeHw: [...networkSizeHw],
    fit: 'topLeft',
    pad: [...mean],
    mean: [0, 0, 0],
    std: [1, 1, 1],
    contentSize: 'content',
  };
}

/**
 * Takes one image of the network size that was resized and padded with the mean before, float [1, 3, H, W] RGB, and the
 * size of its content, float [4].
 */
export function buildPreparedInput(
  b: GraphBuilder,
  sizeHw: readonly [number, number],
  mean: readonly number[],
): NetworkImage {
  const image = subtractMean(b, b.input('image', 'float', [1, 3, ...sizeHw]), mean);
  return { image, batch: b.ints([1]), contentLimits: b.input('content', 'float', [4]) };
}

/** One frame of a size that is known beforehand, uint8 [1, height, width, 3]: as {@link buildFrameInput} with constants. */
export function buildFixedFrameInput(
  b: GraphBuilder,
  frameHw: readonly [number, number],
  sizeHw: readonly [number, number],
  mean: readonly number[],
): NetworkImage {
  const placed = placeImage(frameHw, sizeHw);
  const [height, width] = placed.sizeHw;
  const frame = b.input('frame', 'uint8', [1, ...frameHw, 3]);
  // TensorRT reads bytes at the input of a network only, and only to cast them.
  let x = b.op('input.nchw', 'Transpose', [b.cast('input.float', frame, 'float')], { perm: [0, 3, 1, 2] });
  if (height !== frameHw[0] || width !== frameHw[1]) {
    x = b.op('input.resize', 'Resize', [x, absent, absent, b.ints([1, 3, height, width])], {
      mode: 'linear',
      coordinate_transformation_mode: 'half_pixel',
    });
  }
  x = subtractMean(b, x, mean);
  if (height !== sizeHw[0] || width !== sizeHw[1]) {
    x = b.op('input.pad', 'Pad', [x, b.ints([0, 0, 0, 0, 0, 0, sizeHw[0] - height, sizeHw[1] - width])], {
      mode: 'constant',
    });
  }
  return { image: x, batch: b.ints([1]), contentLimits: b.floats([width, height, width, height]) };
}

function subtractMean(b: GraphBuilder, x: Value, mean: readonly number[]): Value {
  return mean.every((value) => value === 0) ? x : b.op('input.centered', 'Sub', [x, b.floats(mean, [1, 3, 1, 1])]);
}
