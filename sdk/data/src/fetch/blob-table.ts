import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The revision that file names and blob ids are of. */
export const deepPcbRevision = '08e98c4db5922613fb97176eb3d6497d48260cb1';

const tableFile = join(import.meta.dirname, '../../assets/deeppcb-blobs.txt');

/** git blob id of each file of DeepPCB's folder PCBData that a dataset needs: lists, images under inspection, labels. */
export async function readBlobTable(): Promise<Map<string, string>> {
  const table = new Map<string, string>();
  for (const line of (await readFile(tableFile, 'utf8')).split('\n')) {
    if (line.startsWith('#') || line === '') continue;
    const [name, first, second] = line.split(' ') as [string, string, string | undefined];
    if (second === undefined) {
      table.set(name, first);
      continue;
    }
    const [group, id, stem] = name.split('/') as [string, string, string];
    table.set(`${group}/${id}/${stem}_test.jpg`, first);
    table.set(`${group}/${id}_not/${stem}.txt`, second);
  }
  return table;
}

/** What git names a file by. Source: git-hash-object(1). */
export function gitBlobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
