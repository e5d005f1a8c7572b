import { basename } from 'node:path';
import type { ModelManifest } from '@plumbline/contract';
import { modelFilePaths, writeModelFile } from '../model-file.js';
import type { Checkpoint } from './checkpoint.js';
import { type ExportedModel, portableInput, portableOutputs } from './portable.js';

export interface ModelIdentity {
  /** Names the model on the wire; the folder's name when absent. */
  readonly id?: string;
  readonly version: string;
}

export interface WrittenModel {
  readonly modelPath: string;
  readonly manifestPath: string;
  readonly manifest: ModelManifest;
}

/**
 * Writes an exported model and the manifest.json beside it. Both appear whole or not at all, the model first. A manifest
 * that is there already is replaced: files made from an earlier export are no longer named in it.
 * @param out a folder, or the path of the .onnx file
 * @throws {PlumblineError} PLB_DEPLOY_WRITE_FAILED
 */
export async function writeModelFolder(
  out: string,
  exported: ExportedModel,
  checkpoint: Checkpoint,
  identity: ModelIdentity,
): Promise<WrittenModel> {
  const { dir, modelPath, manifestPath } = modelFilePaths(out);
  const { config, classes, runId } = checkpoint;
  const manifest: ModelManifest = {
    schema: 'plumbline.model/1',
    id: identity.id ?? basename(dir),
    version: identity.version,
    architecture: `${config.model.kind}-rcnn`,
    classes: [...classes],
    scoreThreshold: config.test.scoreThreshold,
    input: { name: portableInput, layout: 'NHWC', color: 'RGB', networkSizeHw: config.imageSizeHw },
    outputs: portableOutputs,
    files: {},
    trainingRunId: runId,
  };
  return {
    modelPath,
    manifestPath,
    manifest: await writeModelFile({ modelPath, manifestPath, manifest }, exported.bytes),
  };
}
