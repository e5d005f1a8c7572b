import { type RoiAlignOptions, roiOnMap } from '@plumbline/core/geometry';
import * as tf from '@tensorflow/tfjs-core';
import { flatDispatch, type WebgpuBackend, type WebgpuProgram, zerosOnDevice } from './program.js';

/** Shapes in this module: N images, H x W cells, C channels, R rois, P output size. */

const kernelName = 'PlumblineRoiAlignOnDevice';
const roiColumns = 7;

/**
 * RoIAlign as one WGSL program, its gradient as a second one that adds with atomic compare-and-exchange: the order of
 * additions, and with it the last bits of the gradient, differ from run to run.
 * @param features [N, H, W, C]
 * @param rois     [R * 5] image index, x1, y1, x2, y2 in px of the image
 * @returns [R, P, P, C]
 */
export function roiAlignOnDevice(features: tf.Tensor4D, rois: Float32Array, options: RoiAlignOptions): tf.Tensor4D {
  define();
  const count = rois.length / 5;
  const onMap = new Float32Array(count * roiColumns);
  for (let r = 0; r < count; r++) {
    const { image, x, y, width, height, samplesX, samplesY } = roiOnMap(rois, r, options);
    onMap.set([image, x, y, width, height, samplesX, samplesY], r * roiColumns);
  }
  const placed = tf.tensor2d(onMap, [count, roiColumns]);
  const attributes = { outSize: options.outSize, shape: features.shape };
  return tf.engine().runKernel(kernelName, { features, placed }, attributes) as tf.Tensor4D;
}

interface Attributes {
  readonly outSize: number;
  readonly shape: [number, number, number, number];
}

function define(): void {
  if (tf.getKernel(kernelName, 'webgpu')) return;
  tf.registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { features, placed } = inputs as { features: tf.TensorInfo; placed: tf.TensorInfo };
      const { outSize, shape } = attrs as unknown as Attributes;
      const program = forwardProgram([placed.shape[0]!, outSize, outSize, shape[3]]);
      const uniforms = [{ type: 'int32' as const, data: [tf.util.sizeFromShape(program.outputShape)] }];
      return (backend as unknown as WebgpuBackend).runWebGPUProgram(program, [features, placed], 'float32', uniforms);
    },
  });
  tf.registerKernel({
    kernelName: `${kernelName}Gradient`,
    backendName: 'webgpu',
    kernelFunc: ({ inputs, backend, attrs }) => {
      const { dy, placed } = inputs as { dy: tf.TensorInfo; placed: tf.TensorInfo };
      const { shape } = attrs as unknown as Attributes;
      const device = backend as unknown as WebgpuBackend;
      const program = gradientProgram(shape, dy.shape);
      const uniforms = [{ type: 'int32' as const, data: [tf.util.sizeFromShape(dy.shape)] }];
      return device.runWebGPUProgram(program, [dy, placed], 'float32', uniforms, zerosOnDevice(shape, device));
    },
  });
  tf.registerGradient({
    kernelName,
    inputsToSave: ['placed'],
    gradFunc: (dy, [placed], attrs) => ({
      features: () =>
        tf.engine().runKernel(`${kernelName}Gradient`, { dy: dy as tf.Tensor, placed: placed! }, attrs) as tf.Tensor,
      placed: () => tf.zerosLike(placed!),
    }),
  });
}

function forwardProgram(outputShape: number[]): WebgpuProgram {
  return {
    outputShape,
    ...flatDispatch(outputShape),
    variableNames: ['features', 'placed'],
    uniforms: 'size : i32,',
    shaderKey: 'plumblineRoiAlign',
    getUserCode: () => `
      fn main(index : i32) {
        if (index < uniforms.size) {
          let coords = getCoordsFromIndex(index);
          let c = coords[3];
          var sum = 0.0;
          ${forEachCorner('coords', 'uniforms.outShape[1]', 'uniforms.featuresShape', 'sum += weight * getFeatures(image, row, column, c);')}
          setOutputAtIndex(index, sum);
        }
      }`,
  };
}

function gradientProgram(outputShape: number[], dyShape: readonly number[]): WebgpuProgram {
  return {
    outputShape,
    ...flatDispatch(dyShape),
    variableNames: ['dy', 'placed'],
    uniforms: 'size : i32,',
    shaderKey: 'plumblineRoiAlignGradient',
    atomic: true,
    getUserCode: () => `
      fn addTo(at : i32, value : f32) {
        var old = atomicLoad(&result[at]);
        loop {
          let sum = bitcast<i32>(bitcast<f32>(old) + value);
          let answer = atomicCompareExchangeWeak(&result[at], old, sum);
          if (answer.exchanged) { break; }
          old = answer.old_value;
        }
      }
      fn main(index : i32) {
        if (index < uniforms.size) {
          let coords = getDyCoordsFromIndex(index);
          let c = coords[3];
          let dy = getDy(coords[0], coords[1], coords[2], c);
          ${forEachCorner('coords', 'uniforms.dyShape[1]', 'uniforms.outShape', 'addTo(((image * mapHeight + row) * mapWidth + column) * uniforms.outShape[3] + c, weight * dy);')}
        }
      }`,
  };
}

/**
 * WGSL that runs `visit` for each corner of each sample of a bin with `image`, `row`, `column` and the corner's `weight` in
 * the average. A sample more than a cell outside has none. Positions are float32 in the order of core's `roiAlign`.
 * @param bin      variable [r, py, px, c]
 * @param outSize  expression of P
 * @param mapShape expression of [N, H, W, C]
 */
function forEachCorner(bin: string, outSize: string, mapShape: string, visit: string): string {
  return `
          let r = ${bin}[0];
          let image = i32(getPlaced(r, 0));
          let binWidth = getPlaced(r, 3) / f32(${outSize});
          let binHeight = getPlaced(r, 4) / f32(${outSize});
          let samplesX = i32(getPlaced(r, 5));
          let samplesY = i32(getPlaced(r, 6));
          let mapHeight = ${mapShape}[1];
          let mapWidth = ${mapShape}[2];
          let left = getPlaced(r, 1) + f32(${bin}[2]) * binWidth;
          let top = getPlaced(r, 2) + f32(${bin}[1]) * binHeight;
          let share = 1.0 / f32(max(samplesX * samplesY, 1));
          for (var sy = 0; sy < samplesY; sy++) {
            let y = top + (f32(sy) + 0.5) * binHeight / f32(samplesY);
            if (y < -1.0 || y > f32(mapHeight)) { continue; }
            let insideY = clamp(y, 0.0, f32(mapHeight - 1));
            let rowLow = i32(floor(insideY));
            let partY = insideY - f32(rowLow);
            for (var sx = 0; sx < samplesX; sx++) {
              let x = left + (f32(sx) + 0.5) * binWidth / f32(samplesX);
              if (x < -1.0 || x > f32(mapWidth)) { continue; }
              let insideX = clamp(x, 0.0, f32(mapWidth - 1));
              let columnLow = i32(floor(insideX));
              let partX = insideX - f32(columnLow);
              for (var corner = 0; corner < 4; corner++) {
                let isBottom = corner >= 2;
                let isRight = corner % 2 == 1;
                let weight = share * select(1.0 - partY, partY, isBottom) * select(1.0 - partX, partX, isRight);
                let row = min(rowLow + select(0, 1, isBottom), mapHeight - 1);
                let column = min(columnLow + select(0, 1, isRight), mapWidth - 1);
                ${visit}
              }
            }
          }`;
}
