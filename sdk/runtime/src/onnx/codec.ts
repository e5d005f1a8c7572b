import { PlumblineError } from '@plumbline/contract';
import { onnx } from './generated/onnx.js';
import { type OnnxModel, toNumber } from './model.js';

/** Serialises a model; field order and values are deterministic, so equal models give equal bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return onnx.ModelProto.encode(model).finish();
}

/**
 * Parses the bytes of an .onnx file. Unknown fields are ignored.
 * @param file names the source in errors
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_UNREADABLE when the bytes are no ONNX model
 */
export function decodeModel(bytes: Uint8Array, file: string): OnnxModel {
  const unreadable = (reason: string, cause?: unknown) =>
    new PlumblineError('PLB_RUNTIME_MODEL_UNREADABLE', { file, reason }, { cause });
  let model: OnnxModel;
  try {
    model = onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw unreadable(`not an ONNX file: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  // Almost any short byte string parses as some protobuf message; a model has a graph and an IR version.
  if (!model.graph || toNumber(model.ir_version) < 1) throw unreadable('not an ONNX file: it holds no graph');
  return model;
}
