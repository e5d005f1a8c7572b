import { setTimeout as delay } from 'node:timers/promises';
import type { CapturedFrame, FrameSource, LatestWinsMailbox } from '../capture/index.js';
import type { PipelineObserver } from './observer.js';

export interface CaptureLoopOptions {
  source: FrameSource;
  mailbox: LatestWinsMailbox<CapturedFrame>;
  observer: PipelineObserver;
  /** Wait for the inspection instead of dropping frames. */
  isLossless: boolean;
  /** End with the error instead of opening a lost source again. */
  failsOnLoss: boolean;
}

const firstBackoffMs = 250;
const longestBackoffMs = 5_000;

/**
 * Moves frames from the source into the mailbox until the source ends or the signal is aborted. A lost source is
 * opened again after 250 ms, doubling up to 5 s; a frame resets that.
 */
export async function runCaptureLoop(options: CaptureLoopOptions, signal: AbortSignal): Promise<void> {
  const { source, mailbox, observer } = options;
  let backoffMs = firstBackoffMs;
  while (!signal.aborted) {
    let isUp = false;
    try {
      for await (const frame of source.frames(signal)) {
        if (!isUp) observer.cameraUp();
        isUp = true;
        backoffMs = firstBackoffMs;
        observer.frameArrived(frame);
        observer.stageTaken('acquire', frame.acquisitionMs);
        if (options.isLossless) {
          await mailbox.putWhenFree(frame);
          continue;
        }
        const dropped = mailbox.put(frame);
        if (dropped) {
          source.release(dropped.data);
          observer.frameDropped('overrun');
        }
      }
      if (!signal.aborted) observer.sourceEnded();
      return;
    } catch (error) {
      observer.cameraDown(error instanceof Error ? error : new Error(String(error)));
      if (options.failsOnLoss) throw error;
      await delay(backoffMs, undefined, { signal }).catch(() => {});
      backoffMs = Math.min(longestBackoffMs, backoffMs * 2);
    }
  }
}
