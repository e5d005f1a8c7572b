import type { ErrorCode } from '@plumbline/contract';
import type { DetectionResult, DetectorInfo } from './detector.js';

/** Messages between {@link WorkerDetector} and its worker thread. Pixel buffers are transferred, never copied. */
export type ToWorker =
  | {
      readonly kind: 'detect';
      readonly id: number;
      readonly width: number;
      readonly height: number;
      readonly data: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'dispose' };

export type FromWorker =
  | { readonly kind: 'ready'; readonly info: DetectorInfo }
  | { readonly kind: 'result'; readonly id: number; readonly result: DetectionResult }
  /** `id` is absent when the model could not be opened. */
  | { readonly kind: 'error'; readonly id?: number; readonly error: SerializedError };

/** A coded error as code and values; any other as its message. */
export type SerializedError =
  | { readonly code: ErrorCode; readonly params: unknown }
  | { readonly code?: undefined; readonly message: string };
