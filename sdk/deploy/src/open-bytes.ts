import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelManifest, ModelTarget } from '@plumbline/contract';
import { createDetector, type Detector } from '@plumbline/runtime/detector';
import { manifestFileName, modelFileName } from '@plumbline/runtime/model-folder';

/**
 * Opens a model that is in no folder yet with the detector that ships; nothing of it is left on the disk.
 * @param manifest of its model; the files that it names do not matter
 * @param target   what the bytes are written for
 * @throws {PlumblineError} as createDetector, naming a file that is gone
 */
export async function openBytes(bytes: Uint8Array, manifest: ModelManifest, target?: ModelTarget): Promise<Detector> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-model-'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const files = { [modelFileName]: { sha256, bytes: bytes.length, ...(target ? { target } : {}) } };
  try {
    await writeFile(join(dir, modelFileName), bytes);
    await writeFile(join(dir, manifestFileName), JSON.stringify({ ...manifest, files }));
    return await createDetector({ modelDir: dir });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
