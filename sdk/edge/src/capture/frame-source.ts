import type { PlumblineError } from '@plumbline/contract';
import type { Frame } from '@plumbline/core/image';

/** A frame as a source delivers it: interleaved RGB, 8 bit. */
export interface CapturedFrame extends Frame {
  /** Counts connections of this source from 1; `seq` keeps rising across them. */
  readonly session: number;
  readonly format: 'rgb8';
  /** Frame id of the device, where it has one (GigE ids wrap at 2^16). */
  readonly deviceFrameId?: string;
  /** Presentation time of the device, ns, where it has one. */
  readonly ptsNs?: bigint;
}

/** A trigger that gave no frame: it is counted and reported, and the line goes on. */
export interface SkippedFrame {
  /** The `seq` that the frame would have had. */
  readonly seq: number;
  readonly cameraId: string;
  /** File or device that was read. */
  readonly origin: string;
  readonly error: PlumblineError;
}

/**
 * Where frames come from. One reader at a time.
 *
 * `frames` opens the source and yields until it ends (files read once), the signal is aborted (it then returns) or it
 * is lost (it then throws a coded error and may be called again, which counts as a new session).
 */
export interface FrameSource {
  readonly cameraId: string;
  /** Rate that the source is set to; null when it delivers as fast as it is read. */
  readonly framesPerSecond: number | null;
  frames(signal: AbortSignal): AsyncGenerator<CapturedFrame, void, undefined>;
  /** Hands the pixels of a frame back for reuse; the caller no longer touches them. */
  release(data: Uint8Array<ArrayBuffer>): void;
}
