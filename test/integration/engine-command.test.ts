import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isPlumblineError } from '@plumbline/contract';
import { decodeModel, encodeModel } from '@plumbline/runtime/onnx';
import { openSession } from '@plumbline/runtime/session';
import { encodeEngineWrapper, findEngine, planEngine } from '@plumbline/runtime/tensorrt';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeConstantModel } from '../fixtures/constant-model.js';
import { type CommandResult, plumblineMain, runPlumbline, runPlumblineWith } from '../fixtures/run-plumbline.js';
import { simulatedGpu, simulateTensorrt } from '../fixtures/simulated-tensorrt.js';
import { tinyConfig, writeRandomCheckpoint } from './random-checkpoint.js';

const dir = mkdtempSync(join(tmpdir(), 'plumbline-engine-'));
let env: NodeJS.ProcessEnv;
let folder: string;
let made = 0;
const model = () => join(folder, 'model.tensorrt.onnx');
const built = ['engine', 'engine.json', 'engine.onnx', 'timing-cache'].map((ending) => `model.tensorrt.${ending}`);
const found = () => readdirSync(folder).filter((file) => !['manifest.json', 'model.tensorrt.onnx'].includes(file));

beforeAll(() => {
  env = simulateTensorrt(join(dir, 'bin'));
});
beforeEach(() => {
  folder = join(dir, `model ${made++}`);
  writeModel(0.9);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A model folder that holds model.tensorrt.onnx of fixed sizes alone; another score makes another model. */
function writeModel(score: number, height: number | string = 32): void {
  writeConstantModel(folder, ['part'], [{ classId: 0, score, boxXyxy: [1, 2, 3, 4] }]);
  const graph = decodeModel(readFileSync(join(folder, 'model.onnx')), 'model.onnx');
  const frame = graph.graph.input[0]!.type!.tensor_type!.shape!;
  frame.dim = [{ dim_value: 1 }, typeof height === 'string' ? { dim_param: height } : { dim_value: height }];
  frame.dim.push({ dim_value: 32 }, { dim_value: 3 });
  const bytes = encodeModel(graph);
  rmSync(join(folder, 'model.onnx'));
  writeFileSync(model(), bytes);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  manifest.files = { 'model.tensorrt.onnx': { sha256, bytes: bytes.length } };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

function build(more: NodeJS.ProcessEnv = {}, ...args: string[]): Promise<CommandResult> {
  return runPlumblineWith({ ...env, ...more }, 'engine', 'build', folder, ...args);
}

async function buildReport(more: NodeJS.ProcessEnv = {}, ...args: string[]) {
  const { stdout, stderr, exitCode } = await build(more, ...args, '--json');
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

async function inspect(file: string, more: NodeJS.ProcessEnv = {}) {
  const { stdout } = await runPlumblineWith({ ...env, ...more }, 'engine', 'inspect', file, '--json');
  return JSON.parse(stdout);
}

describe('plumbline engine build, with a simulated trtexec', () => {
  it('shows progress and writes engine, wrapper, record and timing cache, and nothing else', async () => {
    const { exitCode, stdout, stderr } = await build({}, '--json');
    expect(exitCode).toBe(0);
    const stages = ['reading the model', 'optimizing the graph', 'choosing kernels, layers 1/3', 'writing the engine'];
    for (const stage of stages) expect(stderr).toContain(`engine ${stage}`);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      engine: join(folder, 'model.tensorrt.engine'),
      wrapper: join(folder, 'model.tensorrt.engine.onnx'),
      upToDate: false,
      cacheKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      seconds: expect.any(Number),
      facts: { tensorrt: '10.3.0', gpu: simulatedGpu, computeCapability: '8.7', jetPack: null, l4t: null },
    });
    expect(found()).toEqual(built);
    expect(JSON.parse(readFileSync(join(folder, 'model.tensorrt.engine.json'), 'utf8')).cacheKey).toBe(report.cacheKey);
  });

  it('does nothing when the engine is up to date, unless it is forced', async () => {
    const first = await buildReport();
    expect(await buildReport()).toEqual({ ...first, upToDate: true });
    // Would fail if it ran trtexec.
    expect(await buildReport({ SIMULATED_TRTEXEC: 'fail' })).toMatchObject({ upToDate: true });
    expect(await buildReport({}, '--force')).toMatchObject({ upToDate: false, cacheKey: first.cacheKey });
  });

  it('builds anew after a change of model, TensorRT or settings, and says why', async () => {
    const first = await buildReport();
    writeModel(0.8);
    const changed = await build({});
    expect(changed.stderr).toContain('stale: model changed');
    const newer = await build({ SIMULATED_TENSORRT: '100700' });
    expect(newer.stderr).toContain('stale: TensorRT 10.3.0 -> 10.7.0');
    const searched = await build({ SIMULATED_TENSORRT: '100700' }, '--optimization-level', '5');
    expect(searched.stderr).toContain('stale: optimization level default -> 5');
    const last = await buildReport({ SIMULATED_TENSORRT: '100700' }, '--optimization-level', '5');
    expect(last).toMatchObject({ upToDate: true });
    expect(last.cacheKey).not.toBe(first.cacheKey);
  });

  it.each([
    [
      'damaged',
      (file: string) => writeFileSync(file, readFileSync(file).reverse()),
      'model.tensorrt.engine was changed',
    ],
    ['cut', (file: string) => writeFileSync(file, 'en'), 'model.tensorrt.engine has 2 bytes instead of'],
    ['missing', (file: string) => rmSync(file), 'model.tensorrt.engine is missing'],
  ])('never takes an engine file that is %s', async (_, spoil, reason) => {
    await buildReport();
    spoil(join(folder, 'model.tensorrt.engine'));
    const again = await build();
    expect(again.stderr).toContain(`stale: ${reason}`);
    expect(again.exitCode).toBe(0);
    expect(found()).toEqual(built);
  });

  it("leaves nothing behind when trtexec fails, and prints trtexec's own errors", async () => {
    const { exitCode, stdout } = await build({ SIMULATED_TRTEXEC: 'fail' }, '--json');
    expect(exitCode).toBe(1);
    const { error } = JSON.parse(stdout);
    expect(error.code).toBe('PLB_RUNTIME_TRTEXEC_FAILED');
    expect(error.message).toContain('failed (1)');
    expect(error.message).toContain('While parsing node number 12');
    expect(found()).toEqual([]);
  });

  it('keeps the engine before when building another one fails', async () => {
    await buildReport();
    const before = readFileSync(join(folder, 'model.tensorrt.engine'));
    expect((await build({ SIMULATED_TRTEXEC: 'fail' }, '--force')).exitCode).toBe(1);
    expect(readFileSync(join(folder, 'model.tensorrt.engine'))).toEqual(before);
    expect(await buildReport()).toMatchObject({ upToDate: true });
  });

  it('takes an empty engine for a failure', async () => {
    const { exitCode, stderr } = await build({ SIMULATED_TRTEXEC: 'empty' });
    expect(stderr).toContain('PLB_RUNTIME_TRTEXEC_FAILED: trtexec ended without an error: there is no engine');
    expect(exitCode).toBe(1);
    expect(found()).toEqual(['model.tensorrt.timing-cache']);
  });

  it('builds with a trtexec of which it knows no line', async () => {
    expect(await buildReport({ SIMULATED_TRTEXEC: 'foreign' })).toMatchObject({ upToDate: false });
  });

  it('ends trtexec on SIGINT and leaves nothing partial', async () => {
    const child = spawn(process.execPath, [plumblineMain, 'engine', 'build', folder], {
      env: { ...process.env, ...env, SIMULATED_TRTEXEC: 'hang' },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      if (text.includes('choosing kernels')) child.kill('SIGINT');
    });
    const [exitCode] = await once(child, 'close');
    expect(stderr).toContain('PLB_RUNTIME_ENGINE_STOPPED');
    expect(exitCode).toBe(1);
    expect(found()).toEqual([]);
  });

  it('prints the exact command for a shell on --dry-run, and builds nothing', async () => {
    const args = ['--dry-run', '--workspace-mib', '1024', '--timing-cache', join(dir, 'cache')];
    const { stdout, exitCode } = await build({}, ...args);
    expect(exitCode).toBe(0);
    const [command, key] = stdout.split('\n');
    expect(command).toBe(
      `trtexec '--onnx=${model()}' '--saveEngine=${join(folder, 'model.tensorrt.engine.partial')}' ` +
        `--timingCacheFile=${join(dir, 'cache')} --skipInference --stronglyTyped --memPoolSize=workspace:1024 --verbose`,
    );
    expect(found()).toEqual([]);
    const report = await buildReport({}, ...args.slice(1));
    expect(key).toBe(`key ${report.cacheKey}`);
    expect(report.command).toContain('--memPoolSize=workspace:1024');
    expect(existsSync(join(dir, 'cache'))).toBe(true);
  });

  it('prints on --dry-run what a Jetson would run, on a machine that is none', async () => {
    const { stdout, exitCode } = await runPlumbline('engine', 'build', folder, '--dry-run');
    expect(exitCode).toBe(0);
    const [command, note] = stdout.split('\n');
    expect(command).toMatch(/^trtexec '--onnx=.*--skipInference --stronglyTyped --verbose$/);
    expect(note).toMatch(/^For TensorRT 10\.3\.0\. No key on this machine: cannot tell .*/);
    const json = await runPlumbline('engine', 'build', folder, '--dry-run', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      dryRun: true,
      cacheKey: null,
      facts: null,
      assumedTensorrt: '10.3.0',
      unknown: expect.stringContaining('cannot tell'),
    });
    expect(found()).toEqual([]);
  });

  it('takes what `plumbline export --target tensorrt` writes, beside the portable model in one folder', async () => {
    const checkpoint = join(folder, 'checkpoint');
    writeRandomCheckpoint(checkpoint, tinyConfig, ['a', 'b']);
    const target = join(folder, 'exported', 'model.tensorrt.onnx');
    for (const more of [
      ['--out', dirname(target)],
      ['--target', 'tensorrt', '--out', target],
    ]) {
      const { exitCode, stderr } = await runPlumblineWith({}, 'export', '--checkpoint', checkpoint, ...more);
      expect(exitCode, stderr).toBe(0);
    }
    const { exitCode, stderr } = await runPlumblineWith(env, 'engine', 'build', dirname(target));
    expect(exitCode, stderr).toBe(0);
    const report = await inspect(join(folder, 'exported', 'model.tensorrt.engine'));
    expect(report).toMatchObject({
      isFresh: true,
      inputs: [{ name: 'image', shape: [1, 3, 96, 128] }, { name: 'content' }],
    });
    expect(report.outputs.map(({ name, shape }: { name: string; shape: number[] }) => [name, ...shape])).toEqual([
      ['boxes', 50, 4],
      ['scores', 50, 2],
    ]);
  });

  it('refuses a graph of open sizes, a folder without the file and a place that is taken', async () => {
    writeModel(0.9, 'H');
    expect((await build()).stderr).toContain('PLB_RUNTIME_ENGINE_SHAPE_DYNAMIC');
    const shipped = join(import.meta.dirname, '../../models/pcb-defects-nano');
    const other = await runPlumblineWith(env, 'engine', 'build', shipped);
    expect(other.stderr).toContain('PLB_RUNTIME_ENGINE_NO_MODEL');
    expect(other.exitCode).toBe(2);
    writeModel(0.9);
    expect(found()).toEqual([]);
    mkdirSync(join(folder, 'model.tensorrt.engine'));
    const unwritable = await build();
    expect(unwritable.stderr).toContain('PLB_RUNTIME_ENGINE_WRITE_FAILED');
    expect(unwritable.exitCode).toBe(1);
    expect(found()).toEqual(['model.tensorrt.engine', 'model.tensorrt.timing-cache']);
  });
});

describe('plumbline engine build without trtexec', () => {
  const none = join(dir, 'none');

  it('names what it looked for when nothing tells the TensorRT version', async () => {
    const { stderr, exitCode } = await build({}, '--trtexec', none);
    expect(stderr).toContain(`PLB_RUNTIME_DEVICE_FACT_MISSING: cannot tell the TensorRT version`);
    expect(stderr).toContain(none);
    expect(exitCode).toBe(2);
  });

  it('asks for trtexec when TensorRT itself is installed', async () => {
    const sources = { trtexec: none, nvidiaSmi: join(dir, 'bin', 'nvidia-smi'), dpkgQuery: join(dir, 'dpkg-query') };
    writeFileSync(sources.dpkgQuery, "#!/bin/sh\necho 'ii  libnvinfer10 10.3.0.30-1+cuda12.5'\n", { mode: 0o755 });
    await expect(planEngine({ model: folder, sources })).rejects.toMatchObject({
      code: 'PLB_RUNTIME_TRTEXEC_MISSING',
      params: { lookedFor: none },
    });
  });
});

describe('plumbline engine inspect', () => {
  it('tells fresh from stale by engine, wrapper or record, with the reason and the interface', async () => {
    const { cacheKey, engine } = await buildReport();
    for (const file of [engine, `${engine}.onnx`, `${engine}.json`]) {
      expect(await inspect(file)).toMatchObject({
        isFresh: true,
        reasons: [],
        record: { cacheKey, model: { file: 'model.tensorrt.onnx' } },
        bytes: readFileSync(engine).length,
        inputs: [{ name: 'frame', type: 'uint8', shape: [1, 32, 32, 3] }],
      });
    }
    const newer = await inspect(engine, { SIMULATED_TENSORRT: '101602' });
    expect(newer).toMatchObject({ isFresh: false, reasons: ['TensorRT 10.3.0 -> 10.16.2'] });
    const { stdout } = await runPlumblineWith(env, 'engine', 'inspect', engine);
    expect(stdout).toContain('fresh on this device');
    expect(stdout).toMatch(/^input +frame uint8 \[1, 32, 32, 3\]$/m);
    rmSync(`${engine}.json`);
    expect(await inspect(engine)).toMatchObject({
      isFresh: false,
      record: null,
      reasons: [expect.stringContaining('engine.json: cannot be read (ENOENT)')],
    });
  });

  it.each(['model.tensorrt.onnx', 'other.engine'])('has nothing to say of %s', async (file) => {
    const { stderr, exitCode } = await runPlumblineWith(env, 'engine', 'inspect', join(folder, file));
    expect(stderr).toContain('PLB_RUNTIME_ENGINE_MISSING');
    expect(exitCode).toBe(2);
  });
});

describe('a session that asks for tensorrt', () => {
  const sources = () => {
    const [trtexec, nvidiaSmi] = ['trtexec', 'nvidia-smi'].map((name) => join(dir, 'bin', name)) as [string, string];
    return { trtexec, nvidiaSmi, root: dir };
  };
  const open = (executionProviders = ['tensorrt', 'cpu']) =>
    openSession(model(), { threads: 1, executionProviders, deviceSources: sources() });

  it("takes the wrapper of a fresh engine, and reports the runtime's own error before the processor takes over", async () => {
    await buildReport();
    expect(await findEngine(model(), { sources: sources() })).toMatchObject({ state: 'fresh' });
    const opened = await open();
    // onnxruntime-node has the provider compiled in on x64 (its library is absent) and not on arm64.
    const reason = expect.stringMatching(/TensorRT|not in this build/);
    expect(opened.attempts).toEqual([
      { provider: 'tensorrt', isUsed: false, reason },
      { provider: 'cpu', isUsed: true },
    ]);
    expect(opened.loadedPath).toBe(model());
    await opened.session.release();
  });

  it.runIf(process.arch === 'x64')('never loads a stale engine, and names the reason', async () => {
    await buildReport({ SIMULATED_TENSORRT: '100700' });
    const opened = await open();
    expect(opened.attempts[0]).toEqual({
      provider: 'tensorrt',
      isUsed: false,
      reason: 'the engine beside the model is stale: TensorRT 10.7.0 -> 10.3.0',
    });
    await opened.session.release();
    await expect(open(['tensorrt'])).rejects.toSatisfy(
      (error) => isPlumblineError(error) && error.code === 'PLB_RUNTIME_PROVIDER_UNAVAILABLE',
    );
  });

  it('is what --providers asks for, and a command says why it computes elsewhere', async () => {
    await buildReport({ SIMULATED_TENSORRT: '100700' });
    const args = ['--model', model(), '--images', folder, '--out', join(folder, 'found.json')];
    await sharp({ create: { width: 32, height: 32, channels: 3, background: '#808080' } })
      .png()
      .toFile(join(folder, 'blank.png'));
    const { exitCode, stderr } = await runPlumblineWith(env, 'predict', ...args, '--providers', 'tensorrt,cpu');
    expect(stderr).toMatch(/PLB_RUNTIME_PROVIDER_UNAVAILABLE: .*tensorrt: (the engine .* stale|not in this build)/);
    expect(exitCode).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'found.json'), 'utf8'))).toMatchObject([{ category_name: 'part' }]);
    const alone = await runPlumblineWith(env, 'predict', ...args, '--providers', 'tensorrt');
    expect(alone.exitCode).toBe(2);
  });

  it("gets ONNX Runtime's own answer to a wrapper on a machine without TensorRT", async () => {
    const wrapper = join(folder, 'alone.onnx');
    const graph = decodeModel(readFileSync(model()), model());
    writeFileSync(wrapper, encodeEngineWrapper(graph, 'model.tensorrt.engine', '8.7'));
    await expect(openSession(wrapper)).rejects.toMatchObject({
      code: 'PLB_RUNTIME_MODEL_UNREADABLE',
      params: { reason: expect.stringContaining('is not compatible with any execution provider added') },
    });
  });
});
