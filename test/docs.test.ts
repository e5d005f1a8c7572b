import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCli } from '@plumbline/cli';
import { errorTable } from '@plumbline/contract';
import { describe, expect, it, vi } from 'vitest';
// @ts-expect-error a build script without types
import { generatedFiles } from '../scripts/generated-files.mjs';
import { listFiles } from './list-files.js';

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const files = listFiles('.');
const isTest = (file: string) => /\.(test|contract)\.tsx?$/.test(file);
const code = files.filter((file) => /\.tsx?$/.test(file));
const sources = code.filter((file) => !isTest(file) && /\/src\//.test(file) && !file.includes('/contract/src/errors/'));
const tests = code.filter((file) => isTest(file) || file.startsWith('test/'));
const documents = files.filter((file) => file.endsWith('.md') && !file.startsWith('test/golden'));

describe('what is generated', () => {
  it.each(Object.entries(generatedFiles() as Record<string, string>))(
    '%s is up to date (npm run generate)',
    (file, content) => {
      expect(read(file)).toBe(content);
    },
  );
});

describe('the error table', () => {
  const codes = Object.keys(errorTable);
  const mentions = (list: string[]) =>
    new Set(list.flatMap((file) => read(file).match(/\bPLB_[A-Z0-9_]*[A-Z0-9]\b(?!_)/g) ?? []));

  it('has no code that nothing throws', () => {
    const used = mentions(sources);
    expect(codes.filter((name) => name !== 'PLB_UNEXPECTED' && !used.has(name))).toEqual([]);
  });

  it('has no code that no test expects', () => {
    const tested = mentions(tests);
    expect(codes.filter((name) => !tested.has(name))).toEqual([]);
  });

  it('knows every code that sources and documents name', () => {
    const named = mentions([...sources, ...documents]);
    expect([...named].filter((name) => !(name in errorTable))).toEqual([]);
  });
});

describe('the documents', () => {
  const blocks = documents.flatMap((file) =>
    [...read(file).matchAll(/```(?:sh|bash|console)\n([\s\S]*?)```/g)].flatMap((block) =>
      block[1]!.split('\n').map((line) => ({ file, line: line.replace(/^\$ /, '').trim() })),
    ),
  );

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const wrong = blocks.filter(({ line }) => {
      const name = /^npm run ([\w:]+)/.exec(line)?.[1];
      return name !== undefined && !(name in scripts);
    });
    expect(wrong).toEqual([]);
  });

  it('name only plumbline commands and options that exist', async () => {
    const commands = blocks.flatMap(({ file, line }) => {
      const match = /^(?:npx )?plumbline ([a-z]+)(?: ([a-z][a-z-]*))?/.exec(line);
      return match
        ? [{ file, line, names: [match[1]!, match[2]].filter((name): name is string => name !== undefined) }]
        : [];
    });
    expect(commands.length).toBeGreaterThan(3);
    for (const { file, line, names } of commands) {
      const help = await helpOf(names);
      expect(help, `${file}: ${line}`).toContain('Usage: plumbline');
      for (const option of line.match(/(?<= )--[a-z-]+/g) ?? []) expect(help, `${file}: ${line}`).toContain(option);
    }
  });

  it('link only to files that exist', () => {
    const links = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => ({ file, target: match[1]! })),
    );
    const local = links.filter(({ target }) => !/^[a-z]+:/.test(target));
    expect(local.length).toBeGreaterThan(3);
    expect(local.filter(({ file, target }) => !existsSync(join(root, dirname(file), target)))).toEqual([]);
  });
});

async function helpOf(names: string[]): Promise<string> {
  const written: string[] = [];
  const capture = vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  try {
    await runCli(['node', 'plumbline', ...names, '--help']);
  } finally {
    capture.mockRestore();
  }
  return written.join('');
}
