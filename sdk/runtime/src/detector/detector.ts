import { PlumblineError } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import type { ProviderAttempt } from '../session/index.js';

export interface DetectorOptions {
  /** Model folder with manifest.json and model.onnx, or one .onnx file of such a folder. */
  readonly modelDir: string;
  /** Threads of one inference; every core when absent. */
  readonly threads?: number;
  /** Lowest score returned; the model's own when absent. */
  readonly scoreThreshold?: number;
  /** Execution providers in order of preference; `['cpu']` when absent. */
  readonly executionProviders?: readonly string[];
}

export interface DetectorInfo {
  readonly id: string;
  readonly version: string;
  /** Of model.onnx, lower-case hex. */
  readonly sha256: string;
  /** In class-id order. */
  readonly classes: readonly string[];
  readonly scoreThreshold: number;
  readonly executionProvider: string;
  readonly providerAttempts: readonly ProviderAttempt[];
  readonly threads: number;
  readonly networkSizeHw: readonly [number, number];
  /** Size of a frame to try it with: the only one that it takes, or its network size. */
  readonly frameSizeHw: readonly [number, number];
}

export interface DetectionResult {
  /** By descending score. */
  readonly detections: Detection[];
  readonly timingsMs: {
    /** Checking the frame and wrapping it as a tensor. */
    readonly preprocess: number;
    /** Inside ONNX Runtime: resize, network, proposals, NMS. */
    readonly inference: number;
    /** Reading the outputs. */
    readonly postprocess: number;
  };
  /** The image that was given; a worker detector hands its buffer there and back, so use this one afterwards. */
  readonly image: ImageRgb;
}

/**
 * @throws {PlumblineError} PLB_RUNTIME_IMAGE_INVALID if the pixels do not fill the stated size; an image that was
 *   transferred before has none
 */
export function checkImage({ width, height, data }: ImageRgb): void {
  if (data.length === width * height * 3 && data.length > 0) return;
  throw new PlumblineError('PLB_RUNTIME_IMAGE_INVALID', { width, height, bytes: data.length });
}

/** Finds objects in frames of any size. Owns native memory: call `dispose` when done. */
export interface Detector {
  readonly info: DetectorInfo;
  /**
   * @throws {PlumblineError} PLB_RUNTIME_IMAGE_INVALID, PLB_RUNTIME_FRAME_SIZE, PLB_RUNTIME_INFERENCE_FAILED, PLB_RUNTIME_WORKER_CRASHED,
   *   PLB_RUNTIME_DETECTOR_DISPOSED
   */
  detect(image: ImageRgb): Promise<DetectionResult>;
  /** Waits for the frames in flight; may be called twice. */
  dispose(): Promise<void>;
}
