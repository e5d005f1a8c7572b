import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import type { TensorflowProbe } from '@plumbline/train/engines';
import type { Check } from './check.js';
import { describeGpu, findWebgpuName } from './gpu-check.js';
import { runProgram } from './run-program.js';
import { describeTensorrt, findTensorrt } from './tensorrt-check.js';

type Finding = Pick<Check, 'ok' | 'found'>;

/** All checks, in the order they are shown. Native modules are loaded in child processes: a misfit may end one. */
export async function runChecks(): Promise<Check[]> {
  const tensorflow = askTensorflow();
  const onnxruntime = await findOnnxruntime();
  const tensorrt = checkTensorrt(onnxruntime);
  const checks: Promise<Check>[] = [
    check('node', true, '20.19 or newer', 'Install Node 20.19 or newer from https://nodejs.org.', async () =>
      checkNodeVersion(process.versions.node),
    ),
    nativeModule('onnxruntime-node', onnxruntime.entry, '"ONNX Runtime " + m.env.versions.node'),
    nativeModule('sharp', findModule('sharp', '@plumbline/edge/pipeline'), '"libvips " + m.versions.vips'),
    nativeModule(
      'libsql',
      findModule('libsql', '@plumbline/edge/pipeline'),
      '"SQLite " + new m(":memory:").prepare("select sqlite_version() as v").get().v',
    ),
    check('disk', true, 'at least 2 GB free in the working folder', 'Free some space.', () => checkDisk(process.cwd())),
    check(
      'tensorflow',
      false,
      'the fast training engine',
      'For training on this machine: `plumbline doctor --setup tensorflow`.',
      async () => describeTensorflow(await tensorflow),
    ),
    checkGpu(tensorflow),
    check('compiler', false, 'g++ or $CXX', 'For --setup tensorflow: `sudo apt-get install g++`.', () =>
      firstThatRuns([process.env.CXX ?? 'g++'], ['--version']),
    ),
    check(
      'python',
      false,
      'python3 with pip',
      'For --setup tensorflow without --from: `sudo apt-get install python3-pip`.',
      () => firstThatRuns(['python3'], ['-m', 'pip', '--version']),
    ),
    check('chromium', false, 'a Chromium browser', 'For the browser tests: `sudo apt-get install chromium`.', () =>
      firstThatRuns(['chromium', 'chromium-browser', 'google-chrome'], ['--version']),
    ),
    check(
      'mosquitto',
      false,
      'the Mosquitto broker',
      'For the tests against a foreign broker: `sudo apt-get install mosquitto`.',
      () => findInstalled('mosquitto'),
    ),
  ];
  return [...(await Promise.all(checks)), ...(await tensorrt)];
}

/** Whether everything is there that no command can do without. */
export function isUsable(checks: readonly Check[]): boolean {
  return checks.every((item) => item.ok || !item.required);
}

async function check(
  id: string,
  required: boolean,
  expected: string,
  fix: string,
  find: () => Promise<Finding>,
): Promise<Check> {
  const { ok, found } = await find();
  return { id, ok, required, found, expected, fix: ok ? '' : fix };
}

/** @param version as in `process.versions.node` */
export function checkNodeVersion(version: string): Finding {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  return { ok: major > 20 || (major === 20 && minor >= 19), found: version };
}

/** Where a module is for the package that depends on it; undefined when it is not installed. */
function findModule(name: string, dependent: string): string | undefined {
  try {
    return createRequire(import.meta.resolve(dependent)).resolve(name);
  } catch {
    return undefined;
  }
}

/** The onnxruntime-node that the runtime uses: the folder in PLUMBLINE_ONNXRUNTIME, or the one that npm installed. */
async function findOnnxruntime(): Promise<{ entry: string | undefined; folder: string | undefined }> {
  const { configuredOnnxruntime } = await import('@plumbline/runtime/session');
  const folder = configuredOnnxruntime();
  return { entry: folder ?? findModule('onnxruntime-node', '@plumbline/runtime/detector'), folder };
}

async function checkTensorrt({ entry, folder }: Awaited<ReturnType<typeof findOnnxruntime>>): Promise<Check[]> {
  const tensorrt = await import('@plumbline/runtime/tensorrt');
  return describeTensorrt(await findTensorrt(tensorrt, entry, folder), tensorrt);
}

/** Loads a native module; `describe` is JavaScript with `m` = the module. */
function nativeModule(name: string, entry: string | undefined, describe: string): Promise<Check> {
  const fix = `Run \`npm ci\` again; if it persists, this platform (${process.platform} ${process.arch}) has no build of ${name}.`;
  return check(name, true, 'loads', fix, async () => {
    if (entry === undefined) return { ok: false, found: 'not installed' };
    const script = `const m = require(${JSON.stringify(entry)}); process.stdout.write(String(${describe}));`;
    const result = await runProgram(process.execPath, ['-e', script]);
    return { ok: result.ok, found: result.ok ? `loads (${result.output})` : `does not load: ${result.output}` };
  });
}

/** @param dir an existing folder */
export async function checkDisk(dir: string, neededBytes = 2e9): Promise<Finding> {
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  return { ok: free >= neededBytes, found: `${(free / 1e9).toFixed(1)} GB free in ${dir}` };
}

/** The training package, where TensorFlow belongs, and its answer; undefined without the package. */
type TensorflowAnswer =
  | {
      engines: typeof import('@plumbline/train/engines');
      dir: string;
      isCuda: boolean;
      probe: TensorflowProbe | undefined;
    }
  | undefined;

async function askTensorflow(): Promise<TensorflowAnswer> {
  const engines = await import('@plumbline/train/engines').catch(() => undefined);
  if (!engines) return undefined;
  const dir = engines.tensorflowDir();
  const probe = engines.findTensorflow() ? await engines.probeTensorflow() : undefined;
  return { engines, dir, isCuda: engines.isCudaBuild(dir), probe };
}

function describeTensorflow(answer: TensorflowAnswer): Finding {
  if (!answer) return { ok: false, found: 'the training package is not installed' };
  const { dir, isCuda, probe } = answer;
  if (!probe) return { ok: false, found: `not set up in ${dir}` };
  if (!probe.ok) return { ok: false, found: `in ${dir}, but does not start: ${probe.reason}` };
  const where = isCuda ? ` for CUDA, computes on ${probe.device},` : '';
  return { ok: true, found: `TensorFlow ${probe.version}${where} in ${dir}` };
}

async function checkGpu(tensorflow: Promise<TensorflowAnswer>): Promise<Check> {
  const answer = await tensorflow;
  if (!answer) {
    const nvidia = { ok: false, reason: 'the training package is not installed' } as const;
    return describeGpu({ nvidia, tensorflow: undefined, webgpu: undefined });
  }
  const [nvidia, webgpu] = await Promise.all([answer.engines.findNvidia(), findWebgpuName()]);
  return describeGpu({ nvidia, tensorflow: answer.probe, webgpu });
}

/** The first of several programs that ends well, with the first line it prints. */
export async function firstThatRuns(programs: string[], args: string[]): Promise<Finding> {
  for (const program of programs) {
    const result = await runProgram(program, args);
    if (result.ok) return { ok: true, found: result.output.split('\n')[0]!.trim() };
  }
  return { ok: false, found: 'not found' };
}

/** A program in PATH, or in the folder for daemons that ordinary users lack in it. It is not run. */
async function findInstalled(program: string): Promise<Finding> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  const file = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  return { ok: file !== undefined, found: file ?? 'not found' };
}
