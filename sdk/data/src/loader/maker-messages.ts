import { type ErrorCode, PlumblineError } from '@plumbline/contract';
import type { PlannedImage } from './plan.js';

/** Ground truth of one image of a batch, in px of the network input. */
export interface BatchGroundTruth {
  /** [G*4] */
  readonly boxesXyxy: Float32Array;
  /** [G] */
  readonly labels: Int32Array;
  /** Unpadded height and width of the image. */
  readonly clipHw: readonly [number, number];
}

/** A batch to be made; every maker gets the same message. */
export interface ToMaker {
  readonly id: number;
  readonly images: readonly PlannedImage[];
  readonly sizeHw: readonly [number, number];
  /** [B, H, W, 3] float32 */
  readonly pixels: SharedArrayBuffer;
  /** One int32: images taken by any maker. */
  readonly taken: SharedArrayBuffer;
}

export type FromMaker =
  | { readonly kind: 'made'; readonly id: number; readonly position: number; readonly gt: BatchGroundTruth }
  | { readonly kind: 'failed'; readonly id: number; readonly error: SerializedError };

/** A coded error as code and values; any other as its text. */
export type SerializedError =
  | { readonly code: ErrorCode; readonly params: unknown }
  | { readonly code?: undefined; readonly message: string };

export function deserialize(error: SerializedError): Error {
  return error.code === undefined ? new Error(error.message) : new PlumblineError(error.code, error.params as never);
}
