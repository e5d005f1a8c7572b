import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type ModelManifest, modelManifestSchema, PlumblineError } from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { manifestFileName, modelFileName } from '@plumbline/runtime/model-folder';

export interface WrittenFile {
  readonly modelPath: string;
  readonly manifestPath: string;
  readonly sha256: string;
}

/**
 * Writes a further file of a model: into the folder of that model, whose manifest then names both, or into a folder of its
 * own with a manifest that names this one. Each file appears whole or not at all.
 * @param out a folder, or the path of the .onnx file
 * @param source manifest of the model that the file was made from
 * @throws {PlumblineError} PLB_DEPLOY_WRITE_FAILED, and nothing partial remains; PLB_DEPLOY_OTHER_MODEL when the folder
 *   is another model's
 */
export async function writeModelFile(out: string, bytes: Uint8Array, source: ModelManifest): Promise<WrittenFile> {
  const isFile = extname(out) === '.onnx';
  const dir = resolve(isFile ? dirname(out) : out);
  const fileName = isFile ? basename(out) : modelFileName;
  const modelPath = join(dir, fileName);
  const manifestPath = join(dir, manifestFileName);
  const present = existsSync(manifestPath) ? loadConfig(manifestPath, modelManifestSchema) : undefined;
  if (present && (present.id !== source.id || present.version !== source.version)) {
    const named = ({ id, version }: ModelManifest) => `${id} ${version}`;
    throw new PlumblineError('PLB_DEPLOY_OTHER_MODEL', {
      file: manifestPath,
      found: named(present),
      expected: named(source),
    });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const manifest: ModelManifest = {
    ...source,
    files: { ...present?.files, [fileName]: { sha256, bytes: bytes.length } },
  };
  try {
    await mkdir(dir, { recursive: true });
    await writeWhole(modelPath, bytes);
    await writeWhole(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_DEPLOY_WRITE_FAILED', { file: modelPath, reason }, { cause });
  }
  return { modelPath, manifestPath, sha256 };
}

async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
