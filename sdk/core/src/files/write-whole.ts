import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export type FileContent = readonly [path: string, content: Uint8Array | string];

/**
 * Writes files, with the folders that they need, so that each appears whole or not at all: all are complete on the disk
 * before the first takes its place. What was there before stays when one cannot be written, and nothing partial is left.
 * @param refuse makes the error from the file that could not be written and the system's code, such as ENOSPC
 */
export async function writeWhole(
  files: readonly FileContent[],
  refuse: (params: { readonly file: string; readonly reason: string }, cause: unknown) => Error,
): Promise<void> {
  const begun: string[] = [];
  let file = '';
  try {
    for (const [path, content] of files) {
      file = path;
      await mkdir(dirname(path), { recursive: true });
      begun.push(`${path}.partial`);
      await writeFile(`${path}.partial`, content);
    }
    for (const [path] of files) {
      file = path;
      await rename(`${path}.partial`, path);
    }
  } catch (cause) {
    // What stopped the writing is told, not what stops the clearing up.
    for (const partial of begun) await rm(partial, { force: true }).catch(() => {});
    throw refuse({ file, reason: (cause as NodeJS.ErrnoException).code ?? String(cause) }, cause);
  }
}
