import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { cacheRoot, tensorflowDir } from '../locate.js';
import { probeTensorflow } from '../probe.js';
import { compileBinding, installPackages } from './binding.js';
import { type Host, requireCompiler, requirePip, requireSpace, requireSupportedHost, thisHost } from './host.js';
import { withLock } from './lock.js';
import type { ReportProgress } from './progress.js';
import { checkWheel, downloadWheel, extractWheel, pinnedWheel } from './wheel.js';

export interface SetupOptions {
  /** Default `$PLUMBLINE_CACHE`, else `~/.cache/plumbline`. */
  cacheDir?: string;
  /** A wheel on this disk, instead of a download. Another than the pinned one is taken and its hash recorded. */
  wheelFile?: string;
  /** Programs to use; default `npm`, `python3` and `$CXX` or `g++`. */
  npm?: string;
  python?: string;
  compiler?: string;
  host?: Host;
  onProgress?: ReportProgress;
}

/** What was set up, also kept as `setup.json` in `dir`. */
export interface SetupResult {
  dir: string;
  /** Version of TensorFlow's library. */
  version: string;
  wheel: string;
  wheelSha256: string;
  /** False for a wheel given by the user that is not the one this package was tested with. */
  isPinned: boolean;
  /** True if it was set up before and still works; nothing was changed then. */
  wasSetUp: boolean;
}

/** Wheel, unpacked libraries, headers and packages together, with some room. */
const neededMegabytes = 1600;

/**
 * Sets the tensorflow engine up: TensorFlow's own library out of its wheel, tfjs-node compiled against it.
 *
 * Everything happens in `CACHE/.setup` and is moved into place after the self-test, so a failure or an interruption
 * leaves the engine of before untouched; finished steps are kept there and not repeated.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_*
 */
export async function setupTensorflow(options: SetupOptions = {}): Promise<SetupResult> {
  const { cacheDir = cacheRoot(), python = 'python3', npm = 'npm', onProgress: report = () => {} } = options;
  const compiler = options.compiler ?? process.env.CXX ?? 'g++';
  requireSupportedHost(options.host ?? thisHost());
  const wheelFromUser = options.wheelFile ? await checkWheel(options.wheelFile, report) : undefined;

  const known = await readSetup(tensorflowDir(cacheDir));
  if (known && known.wheelSha256 === (wheelFromUser?.sha256 ?? pinnedWheel.sha256)) {
    report({ step: 'self-test', done: 0, total: 1 });
    const probe = await probeTensorflow(cacheDir);
    report({ step: 'self-test', done: 1, total: 1 });
    if (probe.ok) return { ...known, dir: tensorflowDir(cacheDir), version: probe.version, wasSetUp: true };
  }

  await requireCompiler(compiler);
  if (!wheelFromUser) await requirePip(python);
  await mkdir(cacheDir, { recursive: true });
  return withLock(join(cacheDir, 'setup.lock'), async () => {
    const workDir = join(cacheDir, '.setup');
    const staging = tensorflowDir(workDir);
    await mkdir(staging, { recursive: true });
    if (!(await stat(join(staging, 'tf')).catch(() => undefined))) await requireSpace(cacheDir, neededMegabytes);

    report({ step: 'install packages', done: 0, total: 1 });
    await installPackages(staging, npm);
    report({ step: 'install packages', done: 1, total: 1 });

    const wheel = wheelFromUser ?? (await downloadWheel(join(workDir, 'download'), python, report));
    await forgetOtherWheel(staging, wheel.sha256);
    await extractWheel(wheel.file, join(staging, 'tf'), report);

    report({ step: 'compile', done: 0, total: 1 });
    await compileBinding(staging, compiler);
    report({ step: 'compile', done: 1, total: 1 });

    report({ step: 'self-test', done: 0, total: 1 });
    const probe = await probeTensorflow(workDir);
    if (!probe.ok) throw new PlumblineError('PLB_TRAIN_SETUP_SELF_TEST_FAILED', { reason: probe.reason });
    report({ step: 'self-test', done: 1, total: 1 });

    const result: SetupResult = {
      dir: tensorflowDir(cacheDir),
      version: probe.version,
      wheel: basename(wheel.file),
      wheelSha256: wheel.sha256,
      isPinned: wheel.isPinned,
      wasSetUp: false,
    };
    await writeFile(join(staging, 'setup.json'), `${JSON.stringify(result, null, 2)}\n`);
    await replace(staging, result.dir, join(workDir, 'old'));
    await rm(workDir, { recursive: true, force: true });
    return result;
  });
}

async function readSetup(dir: string): Promise<SetupResult | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, 'setup.json'), 'utf8')) as SetupResult;
  } catch {
    return undefined;
  }
}

/** An interrupted run may have unpacked another wheel; its files must not be mixed with these. */
async function forgetOtherWheel(staging: string, sha256: string): Promise<void> {
  const note = join(staging, 'wheel.sha256');
  if ((await readFile(note, 'utf8').catch(() => '')) === sha256) return;
  await rm(join(staging, 'tf'), { recursive: true, force: true });
  await writeFile(note, sha256);
}

async function replace(from: string, to: string, old: string): Promise<void> {
  await rm(old, { recursive: true, force: true });
  await rename(to, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(from, to);
}
