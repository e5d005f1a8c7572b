import { PlumblineError } from '@plumbline/contract';

const arrayTypes = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I8: Int8Array,
  U8: Uint8Array,
} as const;

type Dtype = keyof typeof arrayTypes;
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** One tensor of a file: row-major, `data.length` = product of `shape`. */
export interface NamedTensor<D extends TensorData = TensorData> {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: D;
}

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [begin: number, end: number];
}

/**
 * Reads a safetensors file (uint64 header length, JSON header, tensor bytes; all little endian).
 * @param file names the source in errors
 * @throws {PlumblineError} PLB_CORE_SAFETENSORS_INVALID
 * Source: github.com/huggingface/safetensors, section "Format".
 */
export function readSafetensors(
  bytes: Uint8Array,
  file = 'safetensors',
): { tensors: Map<string, NamedTensor>; metadata: Record<string, string> } {
  const invalid = (reason: string) => new PlumblineError('PLB_CORE_SAFETENSORS_INVALID', { file, reason });
  if (bytes.length < 8) throw invalid('shorter than its 8-byte header length');
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > bytes.length - 8)
    throw invalid(`header of ${headerBytes} bytes runs past the end (${bytes.length} bytes)`);
  let header: Record<string, HeaderEntry>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  } catch {
    throw invalid('the header is not JSON');
  }
  const tensors = new Map<string, NamedTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = value as unknown as Record<string, string>;
      continue;
    }
    const arrayType = arrayTypes[value.dtype as Dtype];
    if (!arrayType)
      throw invalid(`tensor ${name} has dtype ${value.dtype}, accepted: ${Object.keys(arrayTypes).join(', ')}`);
    const count = value.shape.reduce((product, side) => product * side, 1);
    const [begin, end] = value.data_offsets;
    if (end - begin !== count * arrayType.BYTES_PER_ELEMENT || 8 + headerBytes + end > bytes.length || begin < 0) {
      throw invalid(`tensor ${name} of shape [${value.shape}] does not fit its ${end - begin} bytes`);
    }
    // A copy: tensor bytes are not aligned in general. Not bytes.slice(), which in a Node Buffer is a view.
    const copy = Uint8Array.prototype.slice.call(bytes, 8 + headerBytes + begin, 8 + headerBytes + end);
    tensors.set(name, { dtype: value.dtype as Dtype, shape: value.shape, data: new arrayType(copy.buffer) });
  }
  return { tensors, metadata };
}

/** Writes tensors in the given order; the inverse of {@link readSafetensors}. */
export function writeSafetensors(
  tensors: Iterable<readonly [string, { shape: readonly number[]; data: TensorData }]>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    const dtype = (Object.keys(arrayTypes) as Dtype[]).find((key) => data instanceof arrayTypes[key])!;
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += data.byteLength;
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8); // tensor bytes start 8-byte aligned
  const head = new TextEncoder().encode(json);
  const out = new Uint8Array(8 + head.length + offset);
  new DataView(out.buffer).setBigUint64(0, BigInt(head.length), true);
  out.set(head, 8);
  let at = 8 + head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
