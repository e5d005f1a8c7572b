import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const skipped = new Set(['node_modules', 'dist', '.git', 'generated', 'test-results']);

/** Every file below a folder of the repository, as a path from its root; build output and dependencies left out. */
export function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(path);
    return entry.isFile() ? [path] : [];
  });
}
