import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PlumblineError } from '@plumbline/contract';
import { TrtexecOutput, type TrtexecProgress } from './trtexec-output.js';

/** Time between the request to end and the end by force. */
const killAfterMs = 5000;

export interface TrtexecRun {
  readonly onProgress?: (progress: TrtexecProgress) => void;
  /** Ends trtexec when it is aborted. */
  readonly signal?: AbortSignal;
}

/**
 * Runs trtexec to its end, without a shell.
 * @returns true, or false when it was ended by `signal`
 * @throws {PlumblineError} PLB_RUNTIME_TRTEXEC_MISSING when it does not start, PLB_RUNTIME_TRTEXEC_FAILED with its own
 *   error lines
 */
export async function runTrtexec(path: string, args: readonly string[], run: TrtexecRun = {}): Promise<boolean> {
  const { onProgress, signal } = run;
  if (signal?.aborted) return false;
  const output = new TrtexecOutput();
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    killTimer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  };
  signal?.addEventListener('abort', stop, { once: true });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (output.line(line)) onProgress?.(output.progress);
    });
  }
  try {
    const outcome = await new Promise<string>((resolve, reject) => {
      child.once('error', (cause: NodeJS.ErrnoException) => {
        const params = { lookedFor: path, reason: cause.code ?? cause.message };
        reject(new PlumblineError('PLB_RUNTIME_TRTEXEC_MISSING', params, { cause }));
      });
      // "close": both streams have been read to their ends.
      child.once('close', (code, name) => resolve(name ? `was ended by ${name}` : code ? `failed (${code})` : ''));
    });
    if (signal?.aborted) return false;
    if (outcome === '' && !output.hasFailed) return true;
    const params = { outcome: outcome || 'failed', lines: output.errorText };
    throw new PlumblineError('PLB_RUNTIME_TRTEXEC_FAILED', params);
  } finally {
    clearTimeout(killTimer);
    signal?.removeEventListener('abort', stop);
  }
}
