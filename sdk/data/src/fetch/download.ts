import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { PlumblineError } from '@plumbline/contract';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** Attempts before a file is given up. */
  readonly attempts?: number;
  /** Wait before the second attempt, ms; doubled each time. */
  readonly firstWaitMs?: number;
  /** Longest time for one attempt, ms. */
  readonly timeoutMs?: number;
}

/** A status that another attempt will not change. */
class Refusal extends Error {}

/**
 * Downloads one file: into a file beside it first, so that the target is complete or absent.
 * @param check throws when the bytes are not what was asked for; that counts as a failed attempt
 * @throws {PlumblineError} PLB_DATA_FETCH_FAILED after the last attempt, or what `check` threw then; the reason of `signal`
 */
export async function download(
  url: string,
  target: string,
  check: (bytes: Uint8Array) => void,
  { signal, attempts = 4, firstWaitMs = 500, timeoutMs = 60_000 }: DownloadOptions = {},
): Promise<void> {
  const temporary = `${target}.part`;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    try {
      const limit = AbortSignal.timeout(timeoutMs);
      const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, limit]) : limit });
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        throw new Refusal(`HTTP ${response.status}`);
      }
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      check(bytes);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(temporary, bytes);
      await rename(temporary, target);
      return;
    } catch (cause) {
      await rm(temporary, { force: true });
      signal?.throwIfAborted();
      if (attempt < attempts && !(cause instanceof Refusal)) {
        // A stop ends the wait; the loop then throws its reason.
        await setTimeout(firstWaitMs * 2 ** (attempt - 1), undefined, signal ? { signal } : {}).catch(() => {});
        continue;
      }
      if (cause instanceof PlumblineError) throw cause;
      const inner = (cause as Error).cause as NodeJS.ErrnoException | undefined;
      const reason = inner?.code ?? inner?.message ?? (cause as Error).message;
      throw new PlumblineError('PLB_DATA_FETCH_FAILED', { url, reason }, { cause });
    }
  }
}
