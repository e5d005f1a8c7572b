import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumblineError, PlumblineError } from '@plumbline/contract';
import type { ModelFolder } from '@plumbline/runtime/model-folder';
import type { Checkpoint } from '../export/checkpoint.js';
import { readCheckpoint } from '../export/read-checkpoint.js';
import { exportTensorrt } from '../export/tensorrt.js';

/** A float file for TensorRT and what it takes and returns. */
export type StaticModel = Pick<ModelFolder, 'modelPath' | 'input' | 'outputs'>;

/**
 * The graph for TensorRT of a model: the file itself, or one made of the weights of a portable file.
 * @param use is given the model, which is gone afterwards where it was made
 * @throws {PlumblineError} PLB_DEPLOY_NOT_STATIC for a model that no graph can be made of
 */
export async function withStaticModel<T>(folder: ModelFolder, use: (model: StaticModel) => Promise<T>): Promise<T> {
  if (folder.target === 'tensorrt') return use(folder);
  const refuse = (cause?: unknown) =>
    new PlumblineError('PLB_DEPLOY_NOT_STATIC', { file: folder.modelPath }, { cause });
  if (folder.target !== 'portable') throw refuse();
  let checkpoint: Checkpoint;
  try {
    checkpoint = await readCheckpoint(folder.modelPath);
  } catch (error) {
    throw isPlumblineError(error) ? refuse(error) : error;
  }
  const { bytes, input, outputs } = exportTensorrt(checkpoint);
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-static-'));
  try {
    const modelPath = join(dir, 'model.tensorrt.onnx');
    await writeFile(modelPath, bytes);
    return await use({ modelPath, input, outputs });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
