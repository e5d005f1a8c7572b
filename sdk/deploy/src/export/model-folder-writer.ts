import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { ModelManifest } from '@plumbline/contract';
import { manifestFileName, modelFileName } from '@plumbline/runtime/model-folder';
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
 * Writes an exported model and the manifest.json beside it. Both appear whole or not at all, the model first.
 * @param out a folder, or the path of the .onnx file
 */
export async function writeModelFolder(
  out: string,
  exported: ExportedModel,
  checkpoint: Checkpoint,
  identity: ModelIdentity,
): Promise<WrittenModel> {
  const isFile = extname(out) === '.onnx';
  const dir = resolve(isFile ? dirname(out) : out);
  const fileName = isFile ? basename(out) : modelFileName;
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
    files: {
      [fileName]: { sha256: createHash('sha256').update(exported.bytes).digest('hex'), bytes: exported.bytes.length },
    },
    trainingRunId: runId,
  };
  await mkdir(dir, { recursive: true });
  const modelPath = join(dir, fileName);
  const manifestPath = join(dir, manifestFileName);
  await writeWhole(modelPath, exported.bytes);
  await writeWhole(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  return { modelPath, manifestPath, manifest };
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const partial = `${path}.partial`;
  await writeFile(partial, content);
  await rename(partial, path);
}
