import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where large files are kept that belong to the user rather than to a project: `$PLUMBLINE_CACHE` or `~/.cache/plumbline`. */
export function cacheRoot(): string {
  return process.env.PLUMBLINE_CACHE ?? join(homedir(), '.cache', 'plumbline');
}

/** The folder the TensorFlow engine is set up in. It lies outside node_modules, so `npm ci` leaves it alone. */
export function tensorflowDir(cacheDir: string = cacheRoot()): string {
  return join(cacheDir, 'tensorflow');
}

/** The compiled binding inside the folder of {@link tensorflowDir}, or undefined if it was not set up. */
export function findTensorflow(cacheDir?: string): { dir: string; bindingFile: string } | undefined {
  const dir = tensorflowDir(cacheDir);
  const bindingFile = bindingFileIn(dir);
  return existsSync(bindingFile) ? { dir, bindingFile } : undefined;
}

export function bindingFileIn(dir: string): string {
  return join(tfjsNodeDir(dir), 'lib', 'napi-v8', 'tfjs_binding.node');
}

export function tfjsNodeDir(dir: string): string {
  return join(dir, 'node_modules', '@tensorflow', 'tfjs-node');
}

/** Whether the engine in `dir` was set up with NVIDIA's libraries: they lie where TensorFlow looks, beside its own. */
export function isCudaBuild(dir: string): boolean {
  return existsSync(join(dir, 'tf', 'nvidia'));
}
