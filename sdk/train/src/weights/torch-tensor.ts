import type { NamedTensor } from '@plumbline/core/safetensors';
import { PickleObject } from './pickle.js';

/** Where the values of one or more tensors lie in the file. */
export class TorchStorage extends PickleObject {
  readonly kind = 'storage';

  constructor(
    readonly key: string,
    readonly type: StorageType,
    /** Values, not bytes. */
    readonly length: number,
  ) {
    super();
  }
}

/** A view of a storage: element (i, j, ...) is at offset + i * stride[0] + j * stride[1] + ... */
export class TorchTensor extends PickleObject {
  readonly kind = 'tensor';

  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {
    super();
  }

  /** Elements, and the position of the last one in the storage. */
  extent(): { count: number; last: number } {
    const count = this.shape.reduce((a, b) => a * b, 1);
    return { count, last: this.offset + this.shape.reduce((sum, size, k) => sum + (size - 1) * this.strides[k]!, 0) };
  }
}

type Read = (view: DataView, byte: number) => number;
type Dtype = 'F32' | 'I64' | 'I32' | 'U8' | 'I8';

export interface StorageType {
  readonly bytes: number;
  /** Every floating type becomes float32, every short integer one of the types that safetensors reading knows. */
  readonly dtype: Dtype;
  readonly read: Read;
}

const int64: Read = (view, byte) => Number(view.getBigInt64(byte, true));

/** Types of `torch.<name>`. */
export const storageTypes: Readonly<Record<string, StorageType>> = {
  FloatStorage: { bytes: 4, dtype: 'F32', read: (view, byte) => view.getFloat32(byte, true) },
  DoubleStorage: { bytes: 8, dtype: 'F32', read: (view, byte) => view.getFloat64(byte, true) },
  HalfStorage: { bytes: 2, dtype: 'F32', read: (view, byte) => fromHalf(view.getUint16(byte, true)) },
  BFloat16Storage: { bytes: 2, dtype: 'F32', read: (view, byte) => fromBfloat16(view.getUint16(byte, true)) },
  LongStorage: { bytes: 8, dtype: 'I64', read: int64 },
  IntStorage: { bytes: 4, dtype: 'I32', read: (view, byte) => view.getInt32(byte, true) },
  ShortStorage: { bytes: 2, dtype: 'I32', read: (view, byte) => view.getInt16(byte, true) },
  CharStorage: { bytes: 1, dtype: 'I8', read: (view, byte) => view.getInt8(byte) },
  ByteStorage: { bytes: 1, dtype: 'U8', read: (view, byte) => view.getUint8(byte) },
  BoolStorage: { bytes: 1, dtype: 'U8', read: (view, byte) => view.getUint8(byte) },
};

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function fromBfloat16(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/**
 * Copies a view into a row-major tensor of its own.
 * @param bytes the whole storage, little endian; the tensor lies inside it
 */
export function materialize(tensor: TorchTensor, bytes: Uint8Array): NamedTensor {
  const { shape, strides, offset, storage } = tensor;
  const { bytes: itemBytes, dtype, read } = storage.type;
  const { count } = tensor.extent();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = dtype === 'F32' ? new Float32Array(count) : new Float64Array(count);
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < count; i++) {
    values[i] = read(view, at * itemBytes);
    for (let k = shape.length - 1; k >= 0; k--) {
      at += strides[k]!;
      if (++index[k]! < shape[k]!) break;
      at -= shape[k]! * strides[k]!;
      index[k] = 0;
    }
  }
  if (values instanceof Float32Array) return { dtype: 'F32', shape, data: values };
  if (dtype === 'I64') return { dtype, shape, data: BigInt64Array.from(values, BigInt) };
  if (dtype === 'I32') return { dtype, shape, data: Int32Array.from(values) };
  if (dtype === 'I8') return { dtype, shape, data: Int8Array.from(values) };
  return { dtype: 'U8', shape, data: Uint8Array.from(values) };
}
