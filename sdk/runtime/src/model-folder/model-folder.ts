import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import {
  type ModelInput,
  type ModelManifest,
  type ModelOutputs,
  type ModelTarget,
  modelManifestSchema,
  PlumblineError,
} from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';

/** File names inside every model folder. */
export const manifestFileName = 'manifest.json';
export const modelFileName = 'model.onnx';

/** A model folder whose files are the ones that its manifest names. */
export interface ModelFolder {
  readonly dir: string;
  readonly manifest: ModelManifest;
  /** What the .onnx file takes and returns. */
  readonly input: ModelInput;
  readonly outputs: ModelOutputs;
  /** What the .onnx file was written for, where its manifest says so. */
  readonly target: ModelTarget | undefined;
  /** Path of the .onnx file. */
  readonly modelPath: string;
  /** Of the .onnx file, lower-case hex. */
  readonly sha256: string;
}

/**
 * Reads the manifest of a model folder and checks the model file against it.
 * @param path the folder, which then holds model.onnx, or an .onnx file with manifest.json beside it
 * @throws {PlumblineError} PLB_RUNTIME_MANIFEST_MISSING, PLB_CONFIG_SYNTAX or PLB_CONFIG_INVALID for the manifest,
 *   PLB_RUNTIME_MODEL_MISSING, PLB_RUNTIME_MODEL_HASH_MISMATCH, PLB_RUNTIME_MODEL_INTERFACE
 */
export async function loadModelFolder(path: string): Promise<ModelFolder> {
  const isFile = extname(path) === '.onnx';
  const dir = isFile ? dirname(path) : path;
  const fileName = isFile ? basename(path) : modelFileName;
  const manifestPath = join(dir, manifestFileName);
  if (!existsSync(manifestPath)) throw new PlumblineError('PLB_RUNTIME_MANIFEST_MISSING', { file: manifestPath });
  const manifest = loadConfig(manifestPath, modelManifestSchema);
  const listed = manifest.files[fileName];
  if (!listed) {
    const problem = `it lists no ${fileName} under "files"`;
    throw new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: manifestPath, problem });
  }
  const modelPath = join(dir, fileName);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(modelPath);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_RUNTIME_MODEL_MISSING', { file: modelPath, reason }, { cause });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== listed.sha256) {
    const params = { file: modelPath, expectedSha256: listed.sha256, actualSha256: sha256 };
    throw new PlumblineError('PLB_RUNTIME_MODEL_HASH_MISMATCH', params);
  }
  const { input = manifest.input, outputs = manifest.outputs, target } = listed;
  return { dir, manifest, input, outputs, target, modelPath, sha256 };
}
