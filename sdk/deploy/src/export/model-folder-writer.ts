import { basename } from 'node:path';
import type { ModelManifest } from '@plumbline/contract';
import { modelFilePaths, modelFileTarget, writeModelFile } from '../model-file.js';
import type { Checkpoint } from './checkpoint.js';
import type { ExportedModel } from './detector-graph.js';

export interface ModelIdentity {
  /** Names the model on the wire; that of the model folder that was read, or the name of the one written, when absent. */
  readonly id?: string;
  /** That of the model folder that was read, or 1.0.0, when absent. */
  readonly version?: string;
}

export interface WrittenModel {
  readonly modelPath: string;
  readonly manifestPath: string;
  readonly manifest: ModelManifest;
}

/**
 * Writes an exported model and the manifest.json beside it. Both appear whole or not at all, the model first. The portable
 * file replaces a manifest that is there already: files made from an earlier export are no longer named in it. A file of
 * another target joins the manifest of the same model.
 * @param out a folder, or the path of the .onnx file
 * @throws {PlumblineError} PLB_DEPLOY_WRITE_FAILED; PLB_DEPLOY_OTHER_MODEL for a file that would join another model
 */
export async function writeModelFolder(
  out: string,
  exported: ExportedModel,
  checkpoint: Checkpoint,
  identity: ModelIdentity = {},
): Promise<WrittenModel> {
  const { dir, modelPath, manifestPath } = modelFilePaths(out);
  const { config, classes, runId } = checkpoint;
  const { input, outputs } = exported;
  const manifest: ModelManifest = {
    schema: 'plumbline.model/1',
    id: identity.id ?? checkpoint.identity?.id ?? basename(dir),
    version: identity.version ?? checkpoint.identity?.version ?? '1.0.0',
    architecture: `${config.model.kind}-rcnn`,
    classes: [...classes],
    scoreThreshold: config.test.scoreThreshold,
    input,
    outputs,
    files: {},
    trainingRunId: runId,
  };
  const { target } = exported;
  const place =
    target === 'portable' ? { modelPath, manifestPath, manifest } : modelFileTarget(out, manifest, { input, outputs });
  return { modelPath, manifestPath, manifest: await writeModelFile({ ...place, target }, exported.bytes) };
}
