import { performance } from 'node:perf_hooks';
import { PlumblineError } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { loadModelFolder, type ModelFolder } from '../model-folder/index.js';
import { type OpenedSession, openSession } from '../session/index.js';
import {
  checkImage,
  type DetectionResult,
  type Detector,
  type DetectorInfo,
  type DetectorOptions,
} from './detector.js';

/**
 * Opens a model folder in the calling thread; `detect` blocks that thread while ONNX Runtime computes
 * (onnxruntime-node 1.30 runs on the thread that calls it). A service uses {@link createWorkerDetector}.
 * One blank frame is run before this returns, so that a graph that does not keep its contract fails here.
 * @throws {PlumblineError} those of loadModelFolder and openSession, PLB_RUNTIME_MODEL_INTERFACE,
 *   PLB_RUNTIME_THRESHOLD_TOO_LOW
 */
export async function createDetector(options: DetectorOptions): Promise<Detector> {
  const folder = await loadModelFolder(options.modelDir);
  const { manifest } = folder;
  const scoreThreshold = options.scoreThreshold ?? manifest.scoreThreshold;
  if (scoreThreshold < manifest.scoreThreshold) {
    const params = { requested: scoreThreshold, lowest: manifest.scoreThreshold };
    throw new PlumblineError('PLB_RUNTIME_THRESHOLD_TOO_LOW', params);
  }
  const opened = await openSession(folder.modelPath, options);
  const detector = new SessionDetector(folder, opened, scoreThreshold);
  try {
    checkInterface(folder, opened.session);
    const [height, width] = manifest.input.networkSizeHw;
    await detector.detect({ width, height, data: new Uint8Array(width * height * 3) });
  } catch (error) {
    await detector.dispose();
    throw error;
  }
  return detector;
}

class SessionDetector implements Detector {
  readonly info: DetectorInfo;
  private isDisposed = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly folder: ModelFolder,
    private readonly opened: OpenedSession,
    scoreThreshold: number,
  ) {
    const { manifest, sha256 } = folder;
    this.info = {
      id: manifest.id,
      version: manifest.version,
      sha256,
      classes: manifest.classes,
      scoreThreshold,
      executionProvider: opened.executionProvider,
      providerAttempts: opened.attempts,
      threads: opened.threads,
      networkSizeHw: manifest.input.networkSizeHw,
    };
  }

  async detect(image: ImageRgb): Promise<DetectionResult> {
    if (this.isDisposed) throw new PlumblineError('PLB_RUNTIME_DETECTOR_DISPOSED', {});
    const run = this.run(image);
    this.running = run.catch(() => undefined);
    return run;
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    await this.running;
    await this.opened.session.release();
  }

  private async run(image: ImageRgb): Promise<DetectionResult> {
    const { width, height, data } = image;
    const { input, outputs } = this.folder.manifest;
    const startedMs = performance.now();
    checkImage(image);
    const feeds = { [input.name]: new Tensor('uint8', data, [1, height, width, 3]) };
    const preparedMs = performance.now();
    let results: InferenceSession.ReturnType;
    try {
      results = await this.opened.session.run(feeds, [outputs.boxes, outputs.scores, outputs.classes]);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlumblineError('PLB_RUNTIME_INFERENCE_FAILED', { file: this.folder.modelPath, reason }, { cause });
    }
    const inferredMs = performance.now();
    const detections = this.readDetections(results);
    const timingsMs = {
      preprocess: preparedMs - startedMs,
      inference: inferredMs - preparedMs,
      postprocess: performance.now() - inferredMs,
    };
    return { detections, timingsMs, image };
  }

  private readDetections(results: InferenceSession.ReturnType): Detection[] {
    const { outputs } = this.folder.manifest;
    const wrong = (problem: string) =>
      new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: this.folder.modelPath, problem });
    const boxes = results[outputs.boxes]!.data;
    const scores = results[outputs.scores]!.data;
    const classIds = results[outputs.classes]!.data;
    if (
      !(boxes instanceof Float32Array && scores instanceof Float32Array && classIds instanceof BigInt64Array) ||
      boxes.length !== 4 * scores.length ||
      classIds.length !== scores.length
    ) {
      const found = [outputs.boxes, outputs.scores, outputs.classes].map((name) => `${name} [${results[name]!.dims}]`);
      throw wrong(`outputs are ${found.join(', ')}, expected boxes [N,4], scores [N], classes [N]`);
    }
    const detections: Detection[] = [];
    for (let i = 0; i < scores.length; i++) {
      const score = scores[i]!;
      if (score < this.info.scoreThreshold) continue;
      const classId = Number(classIds[i]);
      const className = this.info.classes[classId];
      if (className === undefined)
        throw wrong(`it returns class ${classId}, the manifest names ${this.info.classes.length}`);
      detections.push({
        classId,
        className,
        score,
        boxXyxy: [boxes[4 * i]!, boxes[4 * i + 1]!, boxes[4 * i + 2]!, boxes[4 * i + 3]!],
      });
    }
    return detections;
  }
}

/** Compares names and element types of the graph with what the manifest says and the detector feeds. */
function checkInterface(folder: ModelFolder, session: InferenceSession): void {
  const { input, outputs } = folder.manifest;
  const types = new Map(
    [...session.inputMetadata, ...session.outputMetadata].map((meta) => [
      meta.name,
      meta.isTensor ? meta.type : 'other',
    ]),
  );
  const expected: [name: string, type: string, kind: string, present: readonly string[]][] = [
    [input.name, 'uint8', 'input', session.inputNames],
    [outputs.boxes, 'float32', 'output', session.outputNames],
    [outputs.scores, 'float32', 'output', session.outputNames],
    [outputs.classes, 'int64', 'output', session.outputNames],
  ];
  for (const [name, type, kind, present] of expected) {
    const found = present.includes(name) ? types.get(name) : `absent (present: ${present.join(', ')})`;
    if (found === type) continue;
    const problem = `${kind} "${name}" is ${found}, expected ${type}`;
    throw new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: folder.modelPath, problem });
  }
  const extra = session.inputNames.filter((name) => name !== input.name);
  if (extra.length > 0) {
    const problem = `it asks for more inputs than "${input.name}": ${extra.join(', ')}`;
    throw new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: folder.modelPath, problem });
  }
}
