import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { version_core } from '@tensorflow/tfjs-core';
import { bindingFileIn, tfjsNodeDir } from '../locate.js';
import { runCommand } from './run-command.js';

/** tfjs in the version of this package (both share one engine), and Node's headers, so that none need be installed. */
const packages = [
  `@tensorflow/tfjs@${version_core}`,
  `@tensorflow/tfjs-node@${version_core}`,
  'node-api-headers@1.9.0',
];

/**
 * Installs tfjs-node without its install script, which would download a TensorFlow of 2022.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_DOWNLOAD_FAILED
 */
export async function installPackages(dir: string, npm: string): Promise<void> {
  if (await isInstalled(dir)) return;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', '--loglevel=error'];
  const result = await runCommand(npm, [...args, ...packages], { cwd: dir });
  if (!result.ok) {
    throw new PlumblineError('PLB_TRAIN_SETUP_DOWNLOAD_FAILED', {
      what: packages.join(', '),
      command: `${npm} install`,
      reason: result.reason,
    });
  }
}

/** npm writes this file last. */
async function isInstalled(dir: string): Promise<boolean> {
  try {
    const lock = JSON.parse(await readFile(join(dir, 'node_modules', '.package-lock.json'), 'utf8')) as {
      packages: Record<string, { version?: string }>;
    };
    return packages.every((spec) => {
      const at = spec.lastIndexOf('@');
      return lock.packages[`node_modules/${spec.slice(0, at)}`]?.version === spec.slice(at + 1);
    });
  } catch {
    return false;
  }
}

/**
 * Compiles tfjs-node's two C++ files against the libraries in `dir/tf/tensorflow`.
 *
 * `deps/lib` is a link to that folder, not to its files, and everything is relative, so that the result may be moved.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_COMPILE_FAILED
 */
export async function compileBinding(dir: string, compiler: string): Promise<void> {
  const tfjsNode = tfjsNodeDir(dir);
  const libraries = join(dir, 'tf', 'tensorflow');
  const link = join(tfjsNode, 'deps', 'lib');
  const output = bindingFileIn(dir);
  await mkdir(join(tfjsNode, 'deps'), { recursive: true });
  await mkdir(join(output, '..'), { recursive: true });
  await rm(link, { recursive: true, force: true });
  await symlink(relative(join(tfjsNode, 'deps'), libraries), link);
  const result = await runCommand(compiler, [
    ...['-O2', '-std=c++17', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
    `-I${join(dir, 'node_modules', 'node-api-headers', 'include')}`,
    `-I${join(libraries, 'include')}`,
    join(tfjsNode, 'binding', 'tfjs_backend.cc'),
    join(tfjsNode, 'binding', 'tfjs_binding.cc'),
    ...['-o', output, `-L${link}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
  if (!result.ok) {
    await rm(output, { force: true });
    throw new PlumblineError('PLB_TRAIN_SETUP_COMPILE_FAILED', { command: compiler, reason: result.reason });
  }
}
