import { availableParallelism } from 'node:os';
import { PlumblineError } from '@plumbline/contract';
import type { InferenceSession } from 'onnxruntime-node';
import { type DeviceSources, findEngine } from '../tensorrt/index.js';
import { onnxruntime } from './onnxruntime.js';

export interface SessionOptions {
  /** Threads of one inference; every core when absent. */
  readonly threads?: number;
  /** Execution providers in order of preference; `['cpu']` when absent. */
  readonly executionProviders?: readonly string[];
  /**
   * Computes what stands between QuantizeLinear and DequantizeLinear in floats, as the file says. For files that TensorRT
   * takes: with their float16 steps ONNX Runtime 1.30 turns biases into integers in float16 on a processor, where the
   * product of two steps is 0 (AP of the demo model 39.8 instead of 69).
   */
  readonly keepsQuantizationPairs?: boolean;
  /** Of the model, lower-case hex; an engine beside it is looked for by it. Computed where it is needed when absent. */
  readonly modelSha256?: string;
  /** Where facts about this device are looked for when an engine lies beside the model. */
  readonly deviceSources?: DeviceSources;
}

/** What came of asking for one execution provider. */
export interface ProviderAttempt {
  readonly provider: string;
  readonly isUsed: boolean;
  /** Why it is not used. */
  readonly reason?: string;
}

export interface OpenedSession {
  readonly session: InferenceSession;
  /** The provider in use. */
  readonly executionProvider: string;
  /** The file that was loaded: the model, or the wrapper of its TensorRT engine. */
  readonly loadedPath: string;
  /** Every provider that was tried, so that falling back is reported and never silent. */
  readonly attempts: readonly ProviderAttempt[];
  readonly threads: number;
}

/** Version of the native ONNX Runtime in use. */
export function onnxRuntimeVersion(): string {
  const { env } = onnxruntime();
  return (env.versions as { node?: string }).node ?? env.versions.common;
}

/**
 * Opens a session on the first execution provider that works. Each is tried alone: onnxruntime-node drops providers
 * that its build lacks with a mere warning when several are asked for at once (seen in 1.30).
 * For `tensorrt`, an engine that `plumbline engine build` made from this model on this device is loaded when one lies beside
 * it; a stale one is never loaded, and the reason is an attempt. Without one the provider compiles the model itself.
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_UNREADABLE when the CPU provider cannot load the model,
 *   PLB_RUNTIME_PROVIDER_UNAVAILABLE when no provider is left, PLB_RUNTIME_ONNXRUNTIME_UNUSABLE
 */
export async function openSession(modelPath: string, options: SessionOptions = {}): Promise<OpenedSession> {
  const requested = options.executionProviders ?? ['cpu'];
  const threads = options.threads ?? availableParallelism();
  const inBuild = new Set(
    onnxruntime()
      .listSupportedBackends()
      .map(({ name }) => name),
  );
  const attempts: ProviderAttempt[] = [];
  for (const provider of requested) {
    const refuse = (reason: string) => attempts.push({ provider, isUsed: false, reason });
    if (!inBuild.has(provider)) {
      refuse('not in this build of onnxruntime-node');
      continue;
    }
    let loadedPath = modelPath;
    if (provider === 'tensorrt') {
      const { modelSha256, deviceSources: sources } = options;
      const known = { ...(modelSha256 ? { modelSha256 } : {}), ...(sources ? { sources } : {}) };
      const engine = await findEngine(modelPath, known);
      if (engine.state === 'stale') {
        refuse(`the engine beside the model is stale: ${engine.reasons.join('; ')}`);
        continue;
      }
      if (engine.state === 'fresh') loadedPath = engine.files.wrapper;
    }
    try {
      const session = await createSession(loadedPath, provider, threads, options.keepsQuantizationPairs === true);
      attempts.push({ provider, isUsed: true });
      return { session, executionProvider: provider, loadedPath, attempts, threads };
    } catch (cause) {
      const reason = firstLine(cause);
      if (provider === 'cpu')
        throw new PlumblineError('PLB_RUNTIME_MODEL_UNREADABLE', { file: modelPath, reason }, { cause });
      refuse(reason);
    }
  }
  throw describeFallback(attempts)!;
}

/** The error for the providers that were asked for and are not used; undefined when the preferred one is. */
export function describeFallback(attempts: readonly ProviderAttempt[]): PlumblineError | undefined {
  const refused = attempts.filter(({ isUsed }) => !isUsed);
  if (refused.length === 0) return undefined;
  const requested = refused.map(({ provider }) => provider).join(', ');
  const reasons = refused.map(({ provider, reason }) => `${provider}: ${reason}`).join('; ');
  return new PlumblineError('PLB_RUNTIME_PROVIDER_UNAVAILABLE', { requested, reasons });
}

/** By path, never from bytes: the wrapper of an engine is resolved from its own place. */
function createSession(
  path: string,
  provider: string,
  threads: number,
  keepsQuantizationPairs: boolean,
): Promise<InferenceSession> {
  return onnxruntime().InferenceSession.create(path, {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    graphOptimizationLevel: 'all',
    // Idle pool threads would spin between operators and frames. On 2 cores, 640 x 640 boards, 10 frames/s: 43 ms of
    // CPU time a frame without spinning, 100 ms with it; the best latency is the same (28 ms), the median of a busy
    // machine 46 ms against 70 ms.
    extra: {
      session: { intra_op: { allow_spinning: '0' }, ...(keepsQuantizationPairs ? { disable_quant_qdq: '1' } : {}) },
    },
    logSeverityLevel: 4,
  });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
