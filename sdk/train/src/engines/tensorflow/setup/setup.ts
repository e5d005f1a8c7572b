import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { cacheRoot, tensorflowDir } from '../locate.js';
import { findNvidia, type NvidiaSources } from '../nvidia.js';
import { probeTensorflow } from '../probe.js';
import { compileBinding, installPackages } from './binding.js';
import { fetchWheels, findWheels, overAll, type Source } from './fetch.js';
import {
  type Host,
  requireCompiler,
  requireNvidia,
  requirePip,
  requireSpace,
  requireSupportedHost,
  thisHost,
} from './host.js';
import { withLock } from './lock.js';
import { type PinnedBuild, pinnedBuilds, type TensorflowBuild } from './pins.js';
import type { ReportProgress, SetupProgress } from './progress.js';
import { requireMatchingCuda } from './requirements.js';
import { checkWheel, extractWheel, tensorflowContents } from './wheel.js';

export interface SetupOptions {
  /** Default `$PLUMBLINE_CACHE`, else `~/.cache/plumbline`. */
  cacheDir?: string;
  /** `cuda` needs an NVIDIA driver and several GB; it takes the place of `cpu`, whose work it does as well. Default `cpu`. */
  build?: TensorflowBuild;
  /**
   * TensorFlow's wheel on this disk, instead of a download. Another than the pinned one is taken and its hash recorded.
   * For `cuda`, NVIDIA's wheels are taken from the same folder where they lie there.
   */
  wheelFile?: string;
  /** Programs to use; default `npm`, `python3` and `$CXX` or `g++`. */
  npm?: string;
  python?: string;
  compiler?: string;
  host?: Host;
  nvidia?: NvidiaSources;
  /** Stand-ins for the published wheels and for the self-test, for tests. */
  builds?: Readonly<Record<TensorflowBuild, PinnedBuild>>;
  probe?: typeof probeTensorflow;
  onProgress?: ReportProgress;
  /** Told once, before anything is fetched and before the room is checked. */
  onPlan?: (plan: SetupPlan) => void;
}

/** What a set-up is going to do to network and disk. */
export interface SetupPlan {
  build: TensorflowBuild;
  dir: string;
  /** Wheels that are not there yet, and their size. */
  wheels: number;
  fetchBytes: number;
  /** Room needed while it runs, beyond what is used already. */
  neededBytes: number;
  /** What stays in `dir` afterwards. */
  installedBytes: number;
}

/** What was set up, also kept as `setup.json` in `dir`. */
export interface SetupResult {
  dir: string;
  build: TensorflowBuild;
  /** Version of TensorFlow's library. */
  version: string;
  /** What the self-test computed on: a graphics device by its name, or `cpu`. */
  device: string;
  wheel: string;
  wheelSha256: string;
  /** False for a wheel given by the user that is not the one this package was tested with. */
  isPinned: boolean;
  /** True if it was set up before and still works; nothing was changed then. */
  wasSetUp: boolean;
}

/**
 * Sets the tensorflow engine up: TensorFlow's own library out of its wheel, tfjs-node compiled against it; for `cuda`
 * NVIDIA's libraries beside it.
 *
 * Everything happens in `CACHE/.setup` and is moved into place after the self-test, so a failure or an interruption
 * leaves the engine of before untouched; finished steps are kept there and not repeated. The self-test of `cuda` has to
 * compute on the device. Where `cuda` is set up and works, `cpu` without a wheel has nothing to do.
 * @throws {PlumblineError} PLB_TRAIN_SETUP_*
 */
export async function setupTensorflow(options: SetupOptions = {}): Promise<SetupResult> {
  const { cacheDir = cacheRoot(), build = 'cpu', wheelFile } = options;
  const { python = 'python3', npm = 'npm', onProgress: report = () => {} } = options;
  const compiler = options.compiler ?? process.env.CXX ?? 'g++';
  const dir = tensorflowDir(cacheDir);
  const { builds = pinnedBuilds, probe: selfTest = probeTensorflow } = options;
  const pinned = builds[build];
  const needsDevice = build === 'cuda';
  requireSupportedHost(options.host ?? thisHost());
  if (needsDevice) requireNvidia(await findNvidia(options.nvidia));
  const fromUser = wheelFile ? await checkUserWheel(wheelFile, build, pinned, report) : undefined;

  const known = await readSetup(dir);
  if (known && doesTheWork(known, builds, build, fromUser?.sha256)) {
    const probe = await inOneStep('self-test', report, () => selfTest(cacheDir, { needsDevice }));
    if (probe.ok) return { ...known, dir, version: probe.version, device: probe.device, wasSetUp: true };
  }

  await requireCompiler(compiler);
  if (!fromUser) await requirePip(python);
  await mkdir(cacheDir, { recursive: true });
  return withLock(join(cacheDir, 'setup.lock'), async () => {
    const workDir = join(cacheDir, '.setup');
    const staging = tensorflowDir(workDir);
    const downloads = join(workDir, 'download');
    await mkdir(staging, { recursive: true });
    const sources = await findWheels(pinned, downloads, fromUser, report);
    if (sources.some(({ wheel }) => !wheel)) await requirePip(python);
    await forgetOtherWheels(staging, sources);
    const plan = await makePlan(build, pinned.installedBytes, dir, sources, join(staging, 'tf'));
    options.onPlan?.(plan);
    await requireSpace(cacheDir, Math.ceil(plan.neededBytes / 1e6));

    await inOneStep('install packages', report, () => installPackages(staging, npm));
    const wheels = await fetchWheels(sources, downloads, python, report);
    const toUnpack = wheels.map(({ pinned: { bytes, files }, wheel: { file } }) => ({ bytes, files, file }));
    await overAll(toUnpack, 'unpack', report, ({ file, files }, reportBytes) =>
      extractWheel(file, join(staging, 'tf'), files ? { required: files } : tensorflowContents, reportBytes),
    );
    await inOneStep('compile', report, () => compileBinding(staging, compiler));
    const probe = await inOneStep('self-test', report, () => selfTest(workDir, { needsDevice }));
    if (!probe.ok) throw new PlumblineError('PLB_TRAIN_SETUP_SELF_TEST_FAILED', { reason: probe.reason });

    const { wheel } = wheels[0]!;
    const result: SetupResult = {
      dir,
      build,
      version: probe.version,
      device: probe.device,
      wheel: basename(wheel.file),
      wheelSha256: wheel.sha256,
      isPinned: wheel.isPinned,
      wasSetUp: false,
    };
    await writeFile(join(staging, 'setup.json'), `${JSON.stringify(result, null, 2)}\n`);
    await replace(staging, dir, join(workDir, 'old'));
    await rm(workDir, { recursive: true, force: true });
    return result;
  });
}

async function checkUserWheel(file: string, build: TensorflowBuild, pinned: PinnedBuild, report: ReportProgress) {
  const wheel = await checkWheel(file, pinned.tensorflow, (done, total) =>
    report({ step: 'check the wheels', done, total }),
  );
  if (build === 'cuda') await requireMatchingCuda(file, pinned.nvidia);
  return wheel;
}

/** Whether what is set up is what is asked for; a CUDA build does what the other one does. */
function doesTheWork(
  known: SetupResult,
  builds: Readonly<Record<TensorflowBuild, PinnedBuild>>,
  build: TensorflowBuild,
  sha256FromUser: string | undefined,
): boolean {
  if (sha256FromUser) return known.build === build && known.wheelSha256 === sha256FromUser;
  const does = known.build === build || known.build === 'cuda';
  return does && known.wheelSha256 === builds[known.build].tensorflow.sha256;
}

async function readSetup(dir: string): Promise<SetupResult | undefined> {
  try {
    const text = await readFile(join(dir, 'setup.json'), 'utf8');
    const written = JSON.parse(text) as Omit<SetupResult, 'build'> & Partial<SetupResult>;
    return { ...written, build: written.build ?? 'cpu' }; // absent where it was written before there were two
  } catch {
    return undefined;
  }
}

/** An interrupted run may have unpacked other wheels; their files must not be mixed with these. */
async function forgetOtherWheels(staging: string, sources: readonly Source[]): Promise<void> {
  const note = join(staging, 'wheels.sha256');
  const wanted = sources.map(({ pinned, wheel }) => `${wheel?.sha256 ?? pinned.sha256}\n`).join('');
  if ((await readFile(note, 'utf8').catch(() => '')) === wanted) return;
  await rm(join(staging, 'tf'), { recursive: true, force: true });
  await writeFile(note, wanted);
}

async function makePlan(
  build: TensorflowBuild,
  installedBytes: number,
  dir: string,
  sources: readonly Source[],
  unpackedDir: string,
): Promise<SetupPlan> {
  const missing = sources.filter(({ wheel }) => !wheel).map(({ pinned }) => pinned.bytes);
  const fetchBytes = missing.reduce((sum, bytes) => sum + bytes, 0);
  // pip copies a wheel out of its temporary folder, so the largest one is there twice for a moment.
  const neededBytes = fetchBytes + Math.max(0, ...missing) + installedBytes - (await folderBytes(unpackedDir));
  return { build, dir, wheels: missing.length, fetchBytes, neededBytes, installedBytes };
}

async function folderBytes(dir: string): Promise<number> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const found = await Promise.all(names.map((name) => stat(join(dir, name)).catch(() => undefined)));
  return found.reduce((sum, entry) => sum + (entry?.isFile() ? entry.size : 0), 0);
}

async function inOneStep<T>(step: SetupProgress['step'], report: ReportProgress, work: () => Promise<T>): Promise<T> {
  report({ step, done: 0, total: 1 });
  const result = await work();
  report({ step, done: 1, total: 1 });
  return result;
}

async function replace(from: string, to: string, old: string): Promise<void> {
  await rm(old, { recursive: true, force: true });
  await rename(to, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(from, to);
}
