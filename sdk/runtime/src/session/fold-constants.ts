import { mkdtemp, readFile, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { decodeModel, type OnnxModel } from '../onnx/index.js';
import { onnxruntime } from './onnxruntime.js';

/** Weights stored as float16 take twice the space as float32. */
const floatBytesPerByte = 2;

/**
 * The model after ONNX Runtime's basic optimisations: constants computed (weights stored as float16 become float32),
 * batch norm folded into the convolution before it, unused nodes gone. All operators stay standard ones, nodes that
 * remain keep their names; the metadata of the file is kept.
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_UNREADABLE, PLB_RUNTIME_TEMPORARY_FULL, PLB_RUNTIME_ONNXRUNTIME_UNUSABLE
 */
export async function foldConstants(modelPath: string): Promise<OnnxModel> {
  const { InferenceSession } = onnxruntime();
  const bytes = await readFile(modelPath);
  const original = decodeModel(bytes, modelPath);
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-fold-'));
  const file = join(dir, 'folded.onnx');
  try {
    const session = await InferenceSession.create(modelPath, {
      graphOptimizationLevel: 'basic',
      optimizedModelFilePath: file,
      logSeverityLevel: 4,
    });
    await session.release();
    const folded = decodeModel(await readFile(file), modelPath);
    // The file names every operator set that the runtime knows; only those in use matter.
    const inUse = new Set(folded.graph.node.map((node) => node.domain || ''));
    return {
      ...folded,
      ir_version: original.ir_version,
      opset_import: folded.opset_import.filter(({ domain }) => inUse.has(domain)),
      ...(original.metadata_props ? { metadata_props: original.metadata_props } : {}),
    };
  } catch (cause) {
    const { bavail, bsize } = await statfs(tmpdir());
    const [freeBytes, neededBytes] = [bavail * bsize, floatBytesPerByte * bytes.length];
    if (freeBytes < neededBytes)
      throw new PlumblineError('PLB_RUNTIME_TEMPORARY_FULL', { dir: tmpdir(), freeBytes, neededBytes }, { cause });
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]!;
    throw new PlumblineError('PLB_RUNTIME_MODEL_UNREADABLE', { file: modelPath, reason }, { cause });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
