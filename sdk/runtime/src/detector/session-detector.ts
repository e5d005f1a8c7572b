import { performance } from 'node:perf_hooks';
import { type ModelInput, PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import type { InferenceSession } from 'onnxruntime-node';
import { loadModelFolder, type ModelFolder } from '../model-folder/index.js';
import { feedFrame, type OpenedSession, openSession } from '../session/index.js';
import {
  checkImage,
  type DetectionResult,
  type Detector,
  type DetectorInfo,
  type DetectorOptions,
} from './detector.js';
import { outputNames, readDetections } from './read-outputs.js';

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
  const keepsQuantizationPairs = folder.target === 'tensorrt';
  const known = { keepsQuantizationPairs, modelSha256: folder.sha256 };
  const opened = await openSession(folder.modelPath, { ...options, ...known });
  const detector = new SessionDetector(folder, opened, scoreThreshold);
  try {
    checkInterface(folder, opened.session);
    const [height, width] = frameSizeOf(folder.input);
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
      networkSizeHw: folder.input.networkSizeHw,
      frameSizeHw: frameSizeOf(folder.input),
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
    const { input, outputs } = this.folder;
    const startedMs = performance.now();
    checkImage(image);
    const { feeds, placement } = feedFrame(input, image);
    const preparedMs = performance.now();
    let results: InferenceSession.ReturnType;
    try {
      results = await this.opened.session.run(feeds, outputNames(outputs));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PlumblineError('PLB_RUNTIME_INFERENCE_FAILED', { file: this.folder.modelPath, reason }, { cause });
    }
    const inferredMs = performance.now();
    const { classes, scoreThreshold } = this.info;
    const context = { classes, scoreThreshold, frame: image, placement };
    const refuse = (problem: string) =>
      new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: this.folder.modelPath, problem });
    const detections = readDetections(outputs, results, context, refuse);
    const timingsMs = {
      preprocess: preparedMs - startedMs,
      inference: inferredMs - preparedMs,
      postprocess: performance.now() - inferredMs,
    };
    return { detections, timingsMs, image };
  }
}

/** The size of frames that the graph takes, or one that it is content with. */
function frameSizeOf(input: ModelInput): readonly [number, number] {
  return (input.kind !== 'image' && input.frameSizeHw) || input.networkSizeHw;
}

/** Compares names and element types of the graph with what its description says and the detector feeds. */
function checkInterface({ input, outputs, modelPath }: ModelFolder, session: InferenceSession): void {
  const types = new Map(
    [...session.inputMetadata, ...session.outputMetadata].map((meta) => [
      meta.name,
      meta.isTensor ? meta.type : 'other',
    ]),
  );
  const inputs = new Map<string, string>([
    [input.name, input.kind === 'image' ? (input.elementType ?? 'float32') : 'uint8'],
  ]);
  if (input.kind === 'image' && input.contentSize !== undefined) inputs.set(input.contentSize, 'float32');
  const expected = [
    ...[...inputs].map(([name, type]) => ({ name, allowed: [type], kind: 'input', present: session.inputNames })),
    ...outputNames(outputs).map((name) => {
      const isClasses = 'classes' in outputs && name === outputs.classes;
      return {
        name,
        allowed: isClasses ? ['int64', 'int32', 'float32'] : ['float32'],
        kind: 'output',
        present: session.outputNames,
      };
    }),
  ];
  for (const { name, allowed, kind, present } of expected) {
    const found = present.includes(name) ? types.get(name) : `absent (present: ${present.join(', ')})`;
    if (found !== undefined && allowed.includes(found)) continue;
    const problem = `${kind} "${name}" is ${found}, expected ${allowed.join(' or ')}`;
    throw new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: modelPath, problem });
  }
  const extra = session.inputNames.filter((name) => !inputs.has(name));
  if (extra.length > 0) {
    const problem = `it asks for more inputs than "${[...inputs.keys()].join('", "')}": ${extra.join(', ')}`;
    throw new PlumblineError('PLB_RUNTIME_MODEL_INTERFACE', { file: modelPath, problem });
  }
}
