import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { type BuildOptions, build as bundle } from 'esbuild';
import { build as buildPage } from 'vite';

const CONSOLE = fileURLToPath(new URL('../../../apps/console', import.meta.url));
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * Builds the product's shell and page for Electron 9 into a new folder that any user may read: the main process with the
 * shim in front, the preload, and the renderer for Chromium 83 with the later library functions in front.
 * @returns the folder; the caller removes it
 */
export async function buildShell(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-shell-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'dist/preload'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'plumbline-console', main: 'dist/boot.cjs' }));
  writeFileSync(join(folder, 'dist/boot.cjs'), "require('./modern-api.cjs');\nrequire('./main.cjs');\n");
  const node: BuildOptions = {
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node12.14',
    external: ['electron'],
    logLevel: 'warning',
  };
  await bundle({ ...node, entryPoints: [here('modern-api.cts')], outfile: join(folder, 'dist/modern-api.cjs') });
  await bundle({
    ...node,
    entryPoints: [join(CONSOLE, 'src/electron-main/main.ts')],
    outfile: join(folder, 'dist/main.cjs'),
  });
  await bundle({
    ...node,
    entryPoints: [join(CONSOLE, 'src/preload/preload.cts')],
    outfile: join(folder, 'dist/preload/preload.cjs'),
  });
  await buildPage({
    root: join(CONSOLE, 'src/renderer'),
    base: './',
    configFile: false,
    logLevel: 'error',
    plugins: [
      react(),
      {
        name: 'old-engine-first',
        transform: (code, id) =>
          id.endsWith('/renderer/main.tsx') ? `import ${JSON.stringify(here('old-engine.ts'))};\n${code}` : null,
      },
    ],
    build: {
      outDir: join(folder, 'dist/renderer'),
      emptyOutDir: true,
      target: 'chrome83',
      cssTarget: 'chrome83',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  });
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  return folder;
}
