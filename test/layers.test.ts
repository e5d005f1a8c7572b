import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles } from './list-files.js';

const root = join(import.meta.dirname, '..');

// Why: an edge box must load no tfjs, a MES no native module, the console nothing but the wire.
const mayImport: Record<string, readonly string[]> = {
  contract: [],
  core: ['contract'],
  data: ['contract', 'core'],
  train: ['contract', 'core', 'data'],
  runtime: ['contract', 'core'],
  deploy: ['contract', 'core', 'data', 'train', 'runtime'],
  edge: ['contract', 'core', 'runtime'],
  mes: ['contract'],
  daemon: ['contract', 'core', 'runtime', 'edge'],
  console: ['contract'],
  cli: ['contract', 'core', 'data', 'train', 'runtime', 'deploy', 'edge', 'mes', 'daemon', 'console'],
};

// Heavy libraries and the only folders that may load them.
const onlyIn: Record<string, readonly string[]> = {
  '@tensorflow/': ['sdk/train/'],
  'onnxruntime-node': ['sdk/runtime/', 'sdk/cli/src/doctor/', 'sdk/cli/src/commands/doctor'],
  mqtt: ['sdk/edge/src/publish/', 'sdk/mes/'],
  libsql: ['sdk/edge/src/publish/', 'sdk/cli/src/doctor/', 'sdk/cli/src/commands/doctor'],
  electron: ['apps/console/src/electron-main/', 'apps/console/src/preload/'],
  aedes: ['apps/daemon/'],
  fastify: ['apps/daemon/'],
};

// Folders of sdk/edge that the pipeline joins and that do not know one another.
const edgeParts = ['capture', 'decide', 'publish'];

interface Import {
  file: string;
  line: number;
  specifier: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  // `import ... from 'x'` and `export ... from 'x'`, `import 'x'`, `import('x')`.
  const pattern =
    /^(?:(?:import|export)\b[^;'"=(]*\bfrom\s*|import\s*)(['"])([^'"]+)\1|\bimport\(\s*(['"])([^'"]+)\3/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    specifier: (match[2] ?? match[4])!,
  }));
}

const sources = [...listFiles('sdk'), ...listFiles('apps')].filter(
  (file) => /^(sdk|apps)\/[a-z]+\/src\/.*\.tsx?$/.test(file) && !/\.(test|contract|fixture)\.tsx?$/.test(file),
);
const imports = sources.flatMap(importsOf);
const packageOf = (file: string) => file.split('/')[1]!;
const at = ({ file, line, specifier }: Import) => `${file}:${line} imports ${specifier}`;

describe('the layers', () => {
  it('finds sources and imports to check', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(imports.some((entry) => entry.specifier.startsWith('@plumbline/'))).toBe(true);
  });

  it('import only what their place in the table allows', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const target = /^@plumbline\/([a-z]+)/.exec(specifier)?.[1];
      const own = packageOf(file);
      return target !== undefined && target !== own && !mayImport[own]?.includes(target);
    });
    expect(
      wrong.map((entry) => `${at(entry)}; ${packageOf(entry.file)} may import ${mayImport[packageOf(entry.file)]}`),
    ).toEqual([]);
  });

  it('load heavy libraries only in the folders that own them', () => {
    const wrong = imports.flatMap((entry) =>
      Object.entries(onlyIn)
        .filter(([library]) =>
          library.endsWith('/') ? entry.specifier.startsWith(library) : entry.specifier === library,
        )
        .filter(([, folders]) => !folders.some((folder) => entry.file.startsWith(folder)))
        .map(([library, folders]) => `${at(entry)}; ${library} belongs to ${folders.join(', ')}`),
    );
    expect(wrong).toEqual([]);
  });

  it('load onnxruntime-node in one place, so that another one can be configured', () => {
    // Types are no load.
    const isLoad = ({ file, line }: Import) => {
      const statement = readFileSync(join(root, file), 'utf8').split('\n')[line - 1]!;
      return !/^\s*(import|export) type\b|typeof import\(/.test(statement);
    };
    const wrong = imports.filter((entry) => entry.specifier === 'onnxruntime-node' && isLoad(entry));
    expect(wrong.map(at)).toEqual([]);
  });

  it('keep capture, decide and publish apart', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const own = /^sdk\/edge\/src\/([a-z]+)\//.exec(file)?.[1];
      const target = /\.\.\/([a-z]+)\//.exec(specifier)?.[1];
      return own && target && edgeParts.includes(own) && edgeParts.includes(target) && own !== target;
    });
    expect(wrong.map(at)).toEqual([]);
  });

  it('declare every package that they import', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) return false;
      const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!;
      const [area, folder] = file.split('/');
      const manifest = JSON.parse(readFileSync(join(root, area!, folder!, 'package.json'), 'utf8'));
      const declared = {
        ...manifest.dependencies,
        ...manifest.peerDependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      };
      return name !== manifest.name && !(name in declared) && !name.startsWith('virtual:');
    });
    expect(wrong.map(at)).toEqual([]);
  });
});
