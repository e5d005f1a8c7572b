/** Pixels in row order, interleaved RGB, 8 bit: data.length = height * width * 3. */
export interface ImageRgb {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** One captured image with its origin. `seq` is ours and rises by one per frame across reconnects. */
export interface Frame extends ImageRgb {
  readonly frameId: string;
  readonly cameraId: string;
  readonly seq: number;
  /** Unix epoch ms at which the frame was complete. */
  readonly capturedAtMs: number;
  /** Monotonic clock at the same moment, ns. */
  readonly hostMonoNs: bigint;
  /** Time that exposure, transfer and decoding took, ms. */
  readonly acquisitionMs: number;
}
