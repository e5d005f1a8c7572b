/**
 * The part of onnx.proto (package onnx 1.23.2) that this product writes and reads. Field names are the file's own.
 * 64-bit integers may be numbers or Long objects after decoding: {@link toNumber} reads both.
 */

/** `TensorProto.DataType` of the element types in use. */
export const dataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
} as const;
export type DataType = keyof typeof dataType;

/** `AttributeProto.AttributeType` of the attribute kinds in use. */
export const attributeType = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 } as const;

export type Int64 = number | { toNumber(): number };

export function toNumber(value: Int64): number {
  return typeof value === 'number' ? value : value.toNumber();
}

export interface OnnxTensor {
  name: string;
  dims: Int64[];
  /** Value of {@link dataType}. */
  data_type: number;
  /** Little endian, row-major. */
  raw_data?: Uint8Array;
  /** Row-major, in place of `raw_data`; the smaller integer types and float16 bits are in `int32_data`. */
  float_data?: number[];
  double_data?: number[];
  int32_data?: number[];
  int64_data?: Int64[];
}

export interface OnnxAttribute {
  name: string;
  /** Value of {@link attributeType}. */
  type: number;
  f?: number;
  i?: Int64;
  s?: Uint8Array;
  t?: OnnxTensor;
  /** The graph inside an If, Loop or Scan; it may use values of the graph around it. */
  g?: OnnxGraph;
  floats?: number[];
  ints?: Int64[];
  strings?: Uint8Array[];
}

export interface OnnxNode {
  name: string;
  op_type: string;
  domain?: string;
  /** An empty name is an absent optional input. */
  input: string[];
  output: string[];
  attribute: OnnxAttribute[];
}

export interface OnnxDimension {
  dim_value?: Int64;
  dim_param?: string;
}

export interface OnnxValueInfo {
  name: string;
  type?: { tensor_type?: { elem_type: number; shape?: { dim: OnnxDimension[] } } };
}

export interface OnnxGraph {
  name: string;
  node: OnnxNode[];
  initializer: OnnxTensor[];
  input: OnnxValueInfo[];
  output: OnnxValueInfo[];
  value_info?: OnnxValueInfo[];
}

export interface OnnxModel {
  ir_version: Int64;
  producer_name?: string;
  producer_version?: string;
  opset_import: { domain: string; version: Int64 }[];
  graph: OnnxGraph;
  /** Operators that the file defines itself. */
  functions?: { name: string }[];
  metadata_props?: { key: string; value: string }[];
}

/** One graph input or output in words: name, element type and shape with symbolic sides as text. */
export function describeValue(value: OnnxValueInfo): { name: string; type: string; shape: (number | string)[] } {
  const tensor = value.type?.tensor_type;
  const type = Object.entries(dataType).find(([, code]) => code === tensor?.elem_type)?.[0] ?? 'unknown';
  const shape = (tensor?.shape?.dim ?? []).map((dim) => dim.dim_param || toNumber(dim.dim_value ?? 0));
  return { name: value.name, type, shape };
}
