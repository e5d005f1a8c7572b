import { dataType, type OnnxTensor, toNumber } from '@plumbline/runtime/onnx';
import { fromFloat16Bits } from './half/float16.js';

export function sizesOf(tensor: OnnxTensor): number[] {
  return tensor.dims.map(toNumber);
}

/** Numbers of a float or float16 tensor whose bytes are in the file; undefined for any other. */
export function floatsOf({ data_type, raw_data }: OnnxTensor): Float32Array | undefined {
  // Copied: the bytes lie anywhere in those of the file.
  const bytes = Uint8Array.from(raw_data ?? []).buffer;
  if (data_type === dataType.float) return new Float32Array(bytes);
  if (data_type === dataType.float16) return Float32Array.from(new Uint16Array(bytes), fromFloat16Bits);
  return undefined;
}

const rawReaders: Readonly<Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>> = {
  [dataType.float]: [4, (view, at) => view.getFloat32(at, true)],
  [dataType.double]: [8, (view, at) => view.getFloat64(at, true)],
  [dataType.float16]: [2, (view, at) => fromFloat16Bits(view.getUint16(at, true))],
  [dataType.int32]: [4, (view, at) => view.getInt32(at, true)],
  [dataType.int64]: [8, (view, at) => Number(view.getBigInt64(at, true))],
  [dataType.int8]: [1, (view, at) => view.getInt8(at)],
  [dataType.uint8]: [1, (view, at) => view.getUint8(at)],
  [dataType.bool]: [1, (view, at) => view.getUint8(at)],
};

/** Numbers of a tensor of any type and form that is read here; undefined when its data are in another file. */
export function numbersOf(tensor: OnnxTensor): number[] | undefined {
  const size = sizesOf(tensor).reduce((product, side) => product * side, 1);
  const reader = rawReaders[tensor.data_type];
  if (!reader) return undefined;
  const { raw_data: raw } = tensor;
  if (raw && raw.length > 0) {
    const [bytes, read] = reader;
    if (raw.length !== bytes * size) return undefined;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return Array.from({ length: size }, (_, i) => read(view, i * bytes));
  }
  const fields = [tensor.float_data, tensor.double_data, tensor.int32_data, tensor.int64_data];
  const filled = fields.find((values) => values && values.length > 0)?.map(toNumber) ?? [];
  if (filled.length !== size) return undefined;
  return tensor.data_type === dataType.float16 ? filled.map(fromFloat16Bits) : filled;
}
