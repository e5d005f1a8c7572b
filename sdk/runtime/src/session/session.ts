import { availableParallelism } from 'node:os';
import { PlumblineError } from '@plumbline/contract';
import { env, InferenceSession, listSupportedBackends } from 'onnxruntime-node';

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
  /** Every provider that was tried, so that falling back is reported and never silent. */
  readonly attempts: readonly ProviderAttempt[];
  readonly threads: number;
}

/** Version of the native ONNX Runtime in use. */
export function onnxRuntimeVersion(): string {
  return (env.versions as { node?: string }).node ?? env.versions.common;
}

/**
 * Opens a session on the first execution provider that works. Each is tried alone: onnxruntime-node drops providers
 * that its build lacks with a mere warning when several are asked for at once (seen in 1.30).
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_UNREADABLE when the CPU provider cannot load the model,
 *   PLB_RUNTIME_PROVIDER_UNAVAILABLE when no provider is left
 */
export async function openSession(modelPath: string, options: SessionOptions = {}): Promise<OpenedSession> {
  const requested = options.executionProviders ?? ['cpu'];
  const threads = options.threads ?? availableParallelism();
  const inBuild = new Set(listSupportedBackends().map((backend) => backend.name));
  const attempts: ProviderAttempt[] = [];
  for (const provider of requested) {
    if (!inBuild.has(provider)) {
      attempts.push({ provider, isUsed: false, reason: 'not in this build of onnxruntime-node' });
      continue;
    }
    try {
      const session = await InferenceSession.create(modelPath, {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        graphOptimizationLevel: 'all',
        // Idle pool threads would spin between operators and frames. On 2 cores, 640 x 640 boards, 10 frames/s: 43 ms of
        // CPU time a frame without spinning, 100 ms with it; the best latency is the same (28 ms), the median of a busy
        // machine 46 ms against 70 ms.
        extra: {
          session: {
            intra_op: { allow_spinning: '0' },
            ...(options.keepsQuantizationPairs ? { disable_quant_qdq: '1' } : {}),
          },
        },
        logSeverityLevel: 4,
      });
      attempts.push({ provider, isUsed: true });
      return { session, executionProvider: provider, attempts, threads };
    } catch (cause) {
      const reason = firstLine(cause);
      if (provider === 'cpu')
        throw new PlumblineError('PLB_RUNTIME_MODEL_UNREADABLE', { file: modelPath, reason }, { cause });
      attempts.push({ provider, isUsed: false, reason });
    }
  }
  const reasons = attempts.map((attempt) => `${attempt.provider}: ${attempt.reason}`).join('; ');
  throw new PlumblineError('PLB_RUNTIME_PROVIDER_UNAVAILABLE', { requested: requested.join(', '), reasons });
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}
