import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type ModelManifest, type ModelTarget, modelManifestSchema, PlumblineError } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { writeWhole } from '@plumbline/core/files';
import { manifestFileName, modelFileName } from '@plumbline/runtime/model-folder';

/** Where a further file of a model goes. */
export interface ModelFileTarget {
  readonly modelPath: string;
  readonly manifestPath: string;
  /** What the manifest will say of everything but the new file. */
  readonly manifest: ModelManifest;
  /** What the new file takes and returns, where the manifest does not say so already. */
  readonly io?: FileIo;
  /** What the new file is written for. */
  readonly target?: ModelTarget;
}

/** What a model file takes and returns. */
export type FileIo = Required<Pick<ModelManifest['files'][string], 'input' | 'outputs'>>;

/** @param out a folder, or the path of the .onnx file */
export function modelFilePaths(out: string): {
  readonly dir: string;
  readonly modelPath: string;
  readonly manifestPath: string;
} {
  const isFile = extname(out) === '.onnx';
  const dir = resolve(isFile ? dirname(out) : out);
  return {
    dir,
    modelPath: join(dir, isFile ? basename(out) : modelFileName),
    manifestPath: join(dir, manifestFileName),
  };
}

/**
 * A place in the folder of the model that the file belongs to, whose manifest then names it as well, or in a folder of its
 * own with a manifest that names this one.
 * @param out a folder, or the path of the .onnx file
 * @param source manifest of that model
 * @param io     what the file takes and returns; as the manifest says when absent
 * @throws {PlumblineError} PLB_DEPLOY_OTHER_MODEL when the folder is another model's; PLB_CONFIG_SYNTAX or
 *   PLB_CONFIG_INVALID for the manifest there
 */
export function modelFileTarget(out: string, source: ModelManifest, io?: FileIo): ModelFileTarget {
  const { modelPath, manifestPath } = modelFilePaths(out);
  const present = existsSync(manifestPath) ? loadConfig(manifestPath, modelManifestSchema) : undefined;
  const isOther = (['id', 'version', 'trainingRunId'] as const).some((key) => present && present[key] !== source[key]);
  if (present && isOther) {
    const [found, expected] = [present, source].map(
      ({ id, version, trainingRunId }) => `${id} ${version}${trainingRunId ? ` of run ${trainingRunId}` : ''}`,
    ) as [string, string];
    throw new PlumblineError('PLB_DEPLOY_OTHER_MODEL', { file: manifestPath, found, expected });
  }
  // A folder that holds this file alone describes it at the top.
  const { input = source.input, outputs = source.outputs } = present ?? io ?? {};
  const manifest = { ...source, input, outputs, files: { ...present?.files } };
  return { modelPath, manifestPath, manifest, ...(io ? { io } : {}) };
}

/**
 * Writes the model and the manifest that names it: both are complete on the disk before either takes its place.
 * @returns the manifest as written
 * @throws {PlumblineError} PLB_DEPLOY_WRITE_FAILED; nothing partial remains, and what was there before is as it was
 */
export async function writeModelFile(target: ModelFileTarget, bytes: Uint8Array): Promise<ModelManifest> {
  const { modelPath, manifestPath } = target;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const file = { sha256, bytes: bytes.length, ...(target.target ? { target: target.target } : {}), ...ownIo(target) };
  const files = { ...target.manifest.files, [basename(modelPath)]: file };
  const manifest = { ...target.manifest, files };
  await writeWhole(
    [
      [modelPath, bytes],
      [manifestPath, `${JSON.stringify(manifest, null, 2)}\n`],
    ],
    (params, cause) => new PlumblineError('PLB_DEPLOY_WRITE_FAILED', params, { cause }),
  );
  return manifest;
}

function ownIo({ manifest, io }: ModelFileTarget): Partial<FileIo> {
  if (!io) return {};
  const own: Partial<FileIo> = {};
  if (!isDeepStrictEqual(io.input, manifest.input)) own.input = io.input;
  if (!isDeepStrictEqual(io.outputs, manifest.outputs)) own.outputs = io.outputs;
  return own;
}
