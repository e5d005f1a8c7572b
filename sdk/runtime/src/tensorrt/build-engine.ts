import { existsSync } from 'node:fs';
import { readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  type DeviceFacts,
  type EngineRecord,
  type EngineSettings,
  isPlumblineError,
  PlumblineError,
} from '@plumbline/contract';
import { writeWhole } from '@plumbline/core/files';
import { loadModelFolder } from '../model-folder/index.js';
import { decodeModel, describeValue, type OnnxModel } from '../onnx/index.js';
import { readDeviceFacts } from './device-facts.js';
import { type EngineFiles, engineFiles, sha256OfFile } from './engine-files.js';
import { engineKey } from './engine-key.js';
import { encodeEngineWrapper } from './ep-context.js';
import { type EngineState, findEngine } from './find-engine.js';
import { type DeviceSources, findTrtexec, type Trtexec, trtexecCandidates } from './find-trtexec.js';
import { pinnedPairing } from './jetpack.js';
import { runTrtexec } from './run-trtexec.js';
import { trtexecArguments } from './trtexec-arguments.js';
import type { TrtexecProgress } from './trtexec-output.js';

/** File that an engine is built from when a model folder is named. */
export const tensorrtModelFileName = 'model.tensorrt.onnx';

export interface EngineOptions {
  /** A model folder, which then holds model.tensorrt.onnx, or an .onnx file that the manifest beside it names. */
  readonly model: string;
  /** Settings left out are TensorRT's own. */
  readonly settings?: Partial<EngineSettings>;
  /** Measured kernels, read and written; beside the model when absent. */
  readonly timingCache?: string;
  readonly sources?: DeviceSources;
}

/** What a build would do. */
export interface EnginePlan {
  readonly modelPath: string;
  readonly modelSha256: string;
  readonly model: OnnxModel;
  readonly facts: DeviceFacts;
  readonly settings: EngineSettings;
  readonly cacheKey: string;
  readonly files: EngineFiles;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** What is there already. */
  readonly present: EngineState;
}

export interface BuiltEngine {
  readonly record: EngineRecord;
  readonly files: EngineFiles;
  /** Whether the engine was there already and nothing was built. */
  readonly upToDate: boolean;
}

/** What is built from, whatever the device. */
interface EngineJob {
  readonly modelPath: string;
  readonly modelSha256: string;
  readonly model: OnnxModel;
  readonly settings: EngineSettings;
  readonly files: EngineFiles;
  /** Program and arguments for one trtexec. */
  commandOf(trtexec: Trtexec): [string, ...string[]];
}

async function readJob(options: EngineOptions): Promise<EngineJob> {
  const isFolder = (await stat(options.model).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? join(options.model, tensorrtModelFileName) : options.model;
  if (!existsSync(file)) throw new PlumblineError('PLB_RUNTIME_ENGINE_NO_MODEL', { file });
  const folder = await loadModelFolder(file);
  const modelPath = resolve(folder.modelPath);
  const model = decodeModel(await readFile(modelPath), modelPath);
  checkFixedSizes(model, modelPath);
  const settings = { workspaceMib: null, optimizationLevel: null, ...options.settings };
  const files = engineFiles(modelPath);
  const timingCache = options.timingCache === undefined ? files.timingCache : resolve(options.timingCache);
  const job = { modelPath, model, enginePath: files.partial, timingCache, settings };
  return {
    modelPath,
    modelSha256: folder.sha256,
    model,
    settings,
    files,
    commandOf: (trtexec) => [trtexec.path, ...trtexecArguments(job, trtexec.version)],
  };
}

/**
 * Reads model and device, and decides on the command; builds nothing.
 * @throws {PlumblineError} PLB_RUNTIME_ENGINE_NO_MODEL, those of loadModelFolder and readDeviceFacts,
 *   PLB_RUNTIME_ENGINE_SHAPE_DYNAMIC, PLB_RUNTIME_TRTEXEC_MISSING
 */
export async function planEngine(options: EngineOptions): Promise<EnginePlan> {
  const { sources } = options;
  return planJob(await readJob(options), await findTrtexec(sources), sources);
}

async function planJob(
  { commandOf, ...job }: EngineJob,
  trtexec: Trtexec | undefined,
  sources: DeviceSources = {},
): Promise<EnginePlan> {
  const facts = await readDeviceFacts(sources, trtexec);
  if (!trtexec) {
    const lookedFor = trtexecCandidates(sources).join(', ');
    throw new PlumblineError('PLB_RUNTIME_TRTEXEC_MISSING', { lookedFor, reason: 'none prints its banner' });
  }
  const { modelPath, modelSha256, settings } = job;
  return {
    ...job,
    facts,
    cacheKey: engineKey({ modelSha256, facts, settings }),
    command: commandOf(trtexec),
    present: await findEngine(modelPath, { modelSha256, facts, settings }),
  };
}

/** What a machine without the device does not have. */
const absent: ReadonlySet<string> = new Set(['PLB_RUNTIME_DEVICE_FACT_MISSING', 'PLB_RUNTIME_TRTEXEC_MISSING']);

/** The command of a build as far as this machine tells: on one without the device there is no key. */
export interface EnginePreview {
  readonly files: EngineFiles;
  readonly command: readonly [string, ...string[]];
  /** Absent where the device is unknown. */
  readonly plan?: EnginePlan;
  /** What is unknown; the command is then that of `assumedTensorrt`, or of the trtexec found. */
  readonly unknown?: string;
  readonly assumedTensorrt: string;
}

/**
 * What {@link buildEngine} would run. Without trtexec the command is that for the pinned TensorRT.
 * @throws {PlumblineError} as {@link planEngine}, but for what this machine does not have
 */
export async function previewEngine(options: EngineOptions): Promise<EnginePreview> {
  const { sources } = options;
  const job = await readJob(options);
  const trtexec = await findTrtexec(sources);
  try {
    const plan = await planJob(job, trtexec, sources);
    return { files: plan.files, command: plan.command, plan, assumedTensorrt: plan.facts.tensorrt };
  } catch (error) {
    if (!isPlumblineError(error) || !absent.has(error.code)) throw error;
    const assumed = trtexec ?? { path: sources?.trtexec ?? 'trtexec', version: `${pinnedPairing.tensorrt}.0` };
    const command = job.commandOf(assumed);
    return { files: job.files, command, unknown: error.message, assumedTensorrt: assumed.version };
  }
}

export interface BuildOptions {
  /** Builds even when a fresh engine is there. */
  readonly force?: boolean;
  readonly onProgress?: (progress: TrtexecProgress) => void;
  /** Stops the build; trtexec gets SIGTERM. */
  readonly signal?: AbortSignal;
}

/**
 * Builds what is planned, unless it is there already: engine, wrapper and record appear whole or not at all, and the record
 * last, so that what an interruption leaves between them is stale and never loaded.
 * @throws {PlumblineError} PLB_RUNTIME_TRTEXEC_MISSING, PLB_RUNTIME_TRTEXEC_FAILED, PLB_RUNTIME_ENGINE_STOPPED,
 *   PLB_RUNTIME_ENGINE_WRITE_FAILED
 */
export async function buildEngine(plan: EnginePlan, options: BuildOptions = {}): Promise<BuiltEngine> {
  const { files, present } = plan;
  if (present.state === 'fresh' && !options.force) return { record: present.record, files, upToDate: true };
  const [program, ...args] = plan.command;
  const startedMs = performance.now();
  try {
    const isComplete = await runTrtexec(program, args, options);
    if (!isComplete) throw new PlumblineError('PLB_RUNTIME_ENGINE_STOPPED', { file: files.engine });
    const seconds = Math.round(performance.now() - startedMs) / 1000;
    return { record: await publish(plan, seconds), files, upToDate: false };
  } finally {
    await rm(files.partial, { force: true });
  }
}

const asCaused = (_: unknown, cause: unknown) => cause as Error;

/** Gives the finished engine its name and writes what belongs to it. */
async function publish(plan: EnginePlan, seconds: number): Promise<EngineRecord> {
  const { files, facts, settings, cacheKey, modelSha256, modelPath } = plan;
  const bytes = (await stat(files.partial).catch(() => undefined))?.size ?? 0;
  if (bytes === 0) {
    // TensorRT 10.16 was seen to report "Created engine with size: 0 MiB".
    const lines = `there is no engine in ${files.partial}`;
    throw new PlumblineError('PLB_RUNTIME_TRTEXEC_FAILED', { outcome: 'ended without an error', lines });
  }
  const wrapper = encodeEngineWrapper(plan.model, basename(files.engine), facts.computeCapability);
  try {
    await rename(files.partial, files.engine);
    await writeWhole([[files.wrapper, wrapper]], asCaused);
    const record: EngineRecord = {
      schema: 'plumbline.engine/1',
      cacheKey,
      model: { file: basename(modelPath), sha256: modelSha256 },
      engine: { file: basename(files.engine), sha256: await sha256OfFile(files.engine), bytes },
      wrapper: { file: basename(files.wrapper), sha256: await sha256OfFile(files.wrapper) },
      facts,
      settings,
      command: [...plan.command],
      seconds,
    };
    await writeWhole([[files.record, `${JSON.stringify(record, null, 2)}\n`]], asCaused);
    return record;
  } catch (cause) {
    await Promise.allSettled([files.engine, files.wrapper, files.record].map((file) => rm(file, { force: true })));
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_RUNTIME_ENGINE_WRITE_FAILED', { file: files.engine, reason }, { cause });
  }
}

/** trtexec sets an open size to 1 with a mere warning, and the engine then takes frames of 1 x 1 px. */
function checkFixedSizes({ graph }: OnnxModel, file: string): void {
  const initializers = new Set(graph.initializer.map(({ name }) => name));
  for (const value of [...graph.input, ...graph.output]) {
    if (initializers.has(value.name)) continue;
    const { name, shape } = describeValue(value);
    const hasShape = value.type?.tensor_type?.shape !== undefined;
    if (hasShape && shape.every((side) => typeof side === 'number' && side > 0)) continue;
    const text = hasShape ? shape.map((side) => side || '?').join(', ') : 'unknown';
    throw new PlumblineError('PLB_RUNTIME_ENGINE_SHAPE_DYNAMIC', { file, name, shape: text });
  }
}
