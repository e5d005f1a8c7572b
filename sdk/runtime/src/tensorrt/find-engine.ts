import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type DeviceFacts,
  type EngineRecord,
  type EngineSettings,
  engineRecordSchema,
  isPlumblineError,
} from '@plumbline/contract';
import { loadConfig } from '@plumbline/core/config';
import { readDeviceFacts } from './device-facts.js';
import { type EngineFiles, engineFiles, sha256OfFile } from './engine-files.js';
import { describeDifference } from './engine-key.js';
import type { DeviceSources } from './find-trtexec.js';

/** What lies beside a model. */
export type EngineState =
  | { readonly state: 'none' }
  /** Built from this very model for this device, and complete: the only one that may be loaded. */
  | { readonly state: 'fresh'; readonly record: EngineRecord; readonly files: EngineFiles }
  | { readonly state: 'stale'; readonly reasons: readonly string[]; readonly record?: EngineRecord };

export interface FindEngineOptions {
  /** Of the .onnx file; computed when absent. */
  readonly modelSha256?: string;
  /** Of this device; read when absent. */
  readonly facts?: DeviceFacts;
  readonly sources?: DeviceSources;
  /** Settings that the engine has to be built with; any when absent. */
  readonly settings?: EngineSettings;
}

/**
 * Looks for the engine of a model and checks everything it depends on: the model's bytes, TensorRT, graphics processor and
 * JetPack of this device, and the bytes of engine and wrapper.
 */
export async function findEngine(modelPath: string, options: FindEngineOptions = {}): Promise<EngineState> {
  const files = engineFiles(modelPath);
  if (![files.engine, files.wrapper, files.record].some((file) => existsSync(file))) return { state: 'none' };
  let record: EngineRecord;
  try {
    record = loadConfig(files.record, engineRecordSchema);
  } catch (error) {
    return { state: 'stale', reasons: [reasonOf(error)] };
  }
  const reasons = await findReasons(modelPath, files, record, options);
  return reasons.length > 0 ? { state: 'stale', reasons, record } : { state: 'fresh', record, files };
}

async function findReasons(
  modelPath: string,
  files: EngineFiles,
  record: EngineRecord,
  options: FindEngineOptions,
): Promise<string[]> {
  const modelSha256 = options.modelSha256 ?? (await sha256OfFile(modelPath).catch(() => 'the model cannot be read'));
  let facts: DeviceFacts;
  try {
    facts = options.facts ?? (await readDeviceFacts(options.sources));
  } catch (error) {
    return [reasonOf(error)];
  }
  const settings = options.settings ?? record.settings;
  const built = { modelSha256: record.model.sha256, facts: record.facts, settings: record.settings };
  const different = describeDifference(built, { modelSha256, facts, settings });
  if (different.length > 0) return different;
  return findDamage(files, record);
}

/** What is wrong with the files that a record names; reads them whole. */
async function findDamage(files: EngineFiles, { engine, wrapper }: EngineRecord): Promise<string[]> {
  const named: [string, string][] = [
    [engine.file, basename(files.engine)],
    [wrapper.file, basename(files.wrapper)],
  ];
  for (const [file, expected] of named)
    if (file !== expected) return [`the record names ${file} instead of ${expected}`];
  const bytes = (await stat(files.engine).catch(() => undefined))?.size;
  if (bytes === undefined) return [`${engine.file} is missing`];
  if (bytes !== engine.bytes) return [`${engine.file} has ${bytes} bytes instead of ${engine.bytes}`];
  if ((await sha256OfFile(files.engine)) !== engine.sha256) return [`${engine.file} was changed`];
  const wrapperSha256 = await sha256OfFile(files.wrapper).catch(() => undefined);
  if (wrapperSha256 === undefined) return [`${wrapper.file} is missing`];
  return wrapperSha256 === wrapper.sha256 ? [] : [`${wrapper.file} was changed`];
}

function reasonOf(error: unknown): string {
  if (isPlumblineError(error)) return error.message;
  throw error;
}
