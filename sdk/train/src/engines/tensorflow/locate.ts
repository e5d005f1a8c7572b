import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder the TensorFlow engine is set up in. It lies outside node_modules, so `npm ci` leaves it alone. */
export function tensorflowDir(cacheDir?: string): string {
  return join(cacheDir ?? process.env.PLUMBLINE_CACHE ?? join(homedir(), '.cache', 'plumbline'), 'tensorflow');
}

/** The compiled binding inside the folder of {@link tensorflowDir}, or undefined if it was not set up. */
export function findTensorflow(cacheDir?: string): { dir: string; bindingFile: string } | undefined {
  const dir = tensorflowDir(cacheDir);
  const bindingFile = join(dir, 'node_modules', '@tensorflow', 'tfjs-node', 'lib', 'napi-v8', 'tfjs_binding.node');
  return existsSync(bindingFile) ? { dir, bindingFile } : undefined;
}
