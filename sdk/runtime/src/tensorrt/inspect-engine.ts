import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type EngineRecord, PlumblineError } from '@plumbline/contract';
import { engineFiles } from './engine-files.js';
import { type EngineWrapper, readEngineWrapper } from './ep-context.js';
import { findEngine } from './find-engine.js';
import type { DeviceSources } from './find-trtexec.js';

/** What is known of an engine. */
export interface EngineReport {
  readonly engine: string;
  readonly wrapper: string;
  readonly model: string;
  /** Size of the engine; null when it is missing. */
  readonly bytes: number | null;
  /** Whether this device may load it. */
  readonly isFresh: boolean;
  /** Why not; empty when fresh. */
  readonly reasons: readonly string[];
  /** null when there is none that can be read. */
  readonly record: EngineRecord | null;
  /** Those of the wrapper; none when it is missing. */
  readonly inputs: EngineWrapper['inputs'];
  readonly outputs: EngineWrapper['outputs'];
}

/**
 * @param file engine, wrapper or record
 * @throws {PlumblineError} PLB_RUNTIME_ENGINE_MISSING when nothing of an engine lies there; those of readEngineWrapper
 */
export async function inspectEngine(file: string, sources?: DeviceSources): Promise<EngineReport> {
  const stem = /^(.+)\.engine(?:\.onnx|\.json)?$/.exec(basename(file))?.[1];
  if (stem === undefined) {
    throw new PlumblineError('PLB_RUNTIME_ENGINE_MISSING', { file, reason: 'another kind of file' });
  }
  const model = join(dirname(file), `${stem}.onnx`);
  const files = engineFiles(model);
  const found = await findEngine(model, sources ? { sources } : {});
  if (found.state === 'none') throw new PlumblineError('PLB_RUNTIME_ENGINE_MISSING', { file, reason: 'ENOENT' });
  const isFresh = found.state === 'fresh';
  const wrapper = existsSync(files.wrapper) ? await readEngineWrapper(files.wrapper) : undefined;
  return {
    engine: files.engine,
    wrapper: files.wrapper,
    model,
    bytes: (await stat(files.engine).catch(() => undefined))?.size ?? null,
    isFresh,
    reasons: isFresh ? [] : found.reasons,
    record: found.record ?? null,
    inputs: wrapper?.inputs ?? [],
    outputs: wrapper?.outputs ?? [],
  };
}
