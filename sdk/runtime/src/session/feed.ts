import { type ImageInput, type ModelInput, PlumblineError } from '@plumbline/contract';
import { roundHalfEven } from '@plumbline/core/geometry';
import { type ImageRgb, placeImage, resizeToFloats } from '@plumbline/core/image';
import type { Tensor } from 'onnxruntime-node';
import { onnxruntime } from './onnxruntime.js';

/** Where a frame lies in the network's image: network px = source px * scale + offset. */
export interface FramePlacement {
  readonly scaleX: number;
  readonly scaleY: number;
  readonly left: number;
  readonly top: number;
}

/** Inputs of a graph for one frame. */
export interface Feed {
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly placement: FramePlacement;
}

/** Height, width and upper left corner of a frame's content in the network's image, px. */
interface Content extends FramePlacement {
  readonly sizeHw: readonly [number, number];
}

/**
 * Makes a graph's inputs from frames, as its description says.
 * @throws {PlumblineError} PLB_RUNTIME_FRAME_SIZE for a frame of another size than the one that the graph takes
 */
export function feedFrame(input: ModelInput, image: ImageRgb): Feed {
  const { Tensor } = onnxruntime();
  if (input.kind === 'image') return feedImage(input, image);
  const { width, height, data } = image;
  const [fixedHeight, fixedWidth] = input.frameSizeHw ?? [height, width];
  if (width !== fixedWidth || height !== fixedHeight)
    throw new PlumblineError('PLB_RUNTIME_FRAME_SIZE', { width, height, fixedWidth, fixedHeight });
  const placement = { ...placeImage([height, width], input.networkSizeHw), left: 0, top: 0 };
  return { feeds: { [input.name]: new Tensor('uint8', data, [1, height, width, 3]) }, placement };
}

const unmoved = { scaleX: 1, scaleY: 1, left: 0, top: 0 };

function feedImage(input: ImageInput, image: ImageRgb): Feed {
  const { Tensor } = onnxruntime();
  const content = placeContent(input, image);
  const [h, w] = content.sizeHw;
  const sizeHw = input.fit === 'none' ? content.sizeHw : input.networkSizeHw;
  const isPlanar = input.layout !== 'NHWC';
  const data = resizeToFloats(image, {
    contentHw: content.sizeHw,
    top: content.top,
    left: content.left,
    sizeHw,
    isPlanar,
    isBgr: input.color === 'BGR',
    pad: input.pad,
    mean: input.mean,
    std: input.std,
  });
  const dims = isPlanar ? [3, ...sizeHw] : [...sizeHw, 3];
  const feeds: Record<string, Tensor> = {
    [input.name]: toTensor(input, data, input.layout === 'CHW' ? dims : [1, ...dims]),
  };
  if (input.contentSize !== undefined)
    feeds[input.contentSize] = new Tensor('float32', Float32Array.of(w, h, w, h), [4]);
  return { feeds, placement: content };
}

function toTensor({ elementType }: ImageInput, data: Float32Array, dims: readonly number[]): Tensor {
  const { Tensor } = onnxruntime();
  if (elementType !== 'uint8') return new Tensor('float32', data, dims);
  // Rounds half to even and clips.
  return new Tensor('uint8', new Uint8Array(Uint8ClampedArray.from(data).buffer), dims);
}

/**
 * `center` follows the LetterBox of Ultralytics: sides are rounded half to even as Python does, and the odd pixel of padding
 * lies at the right and bottom. Boxes go back by the rounded sides, as in 8.4.190; older releases took the unrounded scale
 * for both axes, up to half a pixel of the network apart at the far side.
 */
function placeContent({ fit, networkSizeHw }: ImageInput, { height, width }: ImageRgb): Content {
  const [networkHeight, networkWidth] = networkSizeHw;
  switch (fit) {
    case 'none':
      return { ...unmoved, sizeHw: [height, width] };
    case 'stretch':
      return { sizeHw: networkSizeHw, scaleY: networkHeight / height, scaleX: networkWidth / width, left: 0, top: 0 };
    case 'topLeft':
      return { ...placeImage([height, width], networkSizeHw), left: 0, top: 0 };
    case 'center': {
      const before = (network: number, content: number) => Math.floor((network - content) / 2);
      const scale = Math.min(networkHeight / height, networkWidth / width);
      const side = (length: number) => Math.max(1, roundHalfEven(length * scale));
      const [h, w] = [side(height), side(width)];
      return {
        sizeHw: [h, w],
        scaleX: w / width,
        scaleY: h / height,
        left: before(networkWidth, w),
        top: before(networkHeight, h),
      };
    }
  }
}
