import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface LockedPackage {
  resolved?: string;
  link?: boolean;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const locked: Record<string, LockedPackage> = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
).packages;

/** Names of everything that installing these packages brings, by the lock file; optional peers are not installed. */
function installSet(...names: string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string, from: string) => {
    const path = resolveFrom(name, from);
    if (!path || found.has(path)) return;
    found.add(path);
    const entry = locked[path]!;
    const target = entry.link ? entry.resolved! : path;
    const { dependencies, optionalDependencies } = locked[target]!;
    for (const child of Object.keys({ ...dependencies, ...optionalDependencies })) visit(child, target);
  };
  for (const name of names) visit(name, '');
  return new Set([...found].map((path) => path.replace(/^.*node_modules\//, '')));
}

/** Node's look-up through the folders above; a platform's binary that is not for this machine has no entry. */
function resolveFrom(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.includes('/') ? folder.slice(0, folder.lastIndexOf('/')) : '') {
    const path = `${folder ? `${folder}/` : ''}node_modules/${name}`;
    if (locked[path]) return path;
    if (folder === '') return undefined;
  }
}

describe('what a machine gets', () => {
  it('an edge box gets the inference runtime and the store, and neither tfjs nor the training packages', () => {
    const box = installSet('@plumbline/daemon', '@plumbline/cli');
    for (const name of ['onnxruntime-node', 'libsql', 'sharp', 'mqtt', 'fastify', '@plumbline/edge'])
      expect(box).toContain(name);
    expect(
      [...box].filter((name) => /^@tensorflow\/|^@plumbline\/(data|train|deploy)$|^electron$|^react$/.test(name)),
    ).toEqual([]);
  });

  it('a MES gets no native module', () => {
    const mes = installSet('@plumbline/mes');
    for (const name of ['mqtt', '@plumbline/contract']) expect(mes).toContain(name);
    expect(
      [...mes].filter((name) =>
        /sharp|libsql|onnxruntime|koffi|@tensorflow|@img\/|@plumbline\/(?!mes$|contract$)/.test(name),
      ),
    ).toEqual([]);
  });

  it('the training desktop gets tfjs', () => {
    expect(installSet('@plumbline/train')).toContain('@tensorflow/tfjs-core');
  });
});

describe('the commands of the packages', () => {
  const folders = ['sdk/cli', 'apps/daemon'];
  it.each(folders)('of %s start from a committed file, so that npm links them in a clean clone', (folder) => {
    const { bin } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { bin: object };
    for (const file of Object.values(bin) as string[]) {
      const path = join(folder, file);
      expect(execFileSync('git', ['ls-files', '--', path], { cwd: root, encoding: 'utf8' }).trim()).toBe(path);
    }
  });
});
