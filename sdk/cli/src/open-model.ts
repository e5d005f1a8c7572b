import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';
import type { ImageRgb } from '@plumbline/core/image';
import { loadOptional } from './load-package.js';
import { printFallback } from './providers-option.js';

/** A model of any form, opened for the commands that run it over images. */
export interface OpenedModel {
  readonly info: {
    /** For messages: the path that was given. */
    readonly id: string;
    readonly classes: readonly string[];
    /** Lowest score that it returns. */
    readonly scoreThreshold: number;
  };
  /** What the `model` field of JSON output says. */
  readonly facts: Readonly<Record<string, unknown>>;
  detect(image: ImageRgb): Promise<{ readonly detections: readonly Detection[] }>;
  dispose(): Promise<void>;
}

const accepted = 'a model folder with manifest.json, its .onnx file, or a checkpoint folder of `plumbline train`';

/**
 * Opens a model folder (or the .onnx in it) with ONNX Runtime, or a checkpoint with the training engine.
 * @param command for the message when a package is missing
 * @param executionProviders of ONNX Runtime, the preferred one first
 * @throws {PlumblineError} PLB_CLI_USAGE if it is none of these, else what the runtime or the trainer throws
 */
export async function openModel(
  command: string,
  path: string,
  executionProviders?: readonly string[],
): Promise<OpenedModel> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new PlumblineError('PLB_CLI_USAGE', { problem: `${path}: there is no such model`, accepted });
  if (stats.isFile() && path.endsWith('.onnx')) return openModelFolder(path, executionProviders);
  if (stats.isDirectory() && existsSync(join(path, 'manifest.json'))) return openModelFolder(path, executionProviders);
  if (stats.isDirectory()) {
    const checkpoint = await openCheckpoint(command, path);
    if (checkpoint && executionProviders) {
      const problem = `--providers with ${path}, a checkpoint`;
      throw new PlumblineError('PLB_CLI_USAGE', { problem, accepted: '--providers with a model folder' });
    }
    if (checkpoint) return checkpoint;
  }
  throw new PlumblineError('PLB_CLI_USAGE', { problem: `${path}: this is no model`, accepted });
}

async function openModelFolder(path: string, executionProviders?: readonly string[]): Promise<OpenedModel> {
  const { createDetector } = await import('@plumbline/runtime/detector');
  const detector = await createDetector({ modelDir: path, ...(executionProviders ? { executionProviders } : {}) });
  await printFallback(detector.info.providerAttempts);
  const { id, version, sha256, classes, scoreThreshold, executionProvider, networkSizeHw } = detector.info;
  return {
    info: { id: path, classes, scoreThreshold },
    facts: { path, kind: 'onnx', id, version, sha256, executionProvider, networkSizeHw, scoreThreshold },
    detect: (image) => detector.detect(image),
    dispose: () => detector.dispose(),
  };
}

/** @returns undefined when the folder holds no checkpoint */
async function openCheckpoint(command: string, path: string): Promise<OpenedModel | undefined> {
  const training = await loadOptional(command, '@plumbline/train', () => import('@plumbline/train/train'));
  if (!training.findCheckpoint(path)) return undefined;
  const { loadEngine } = await import('@plumbline/train/engines');
  const { createDetectorModel, detectImage } = await import('@plumbline/train/model');
  const { header, checkpointDir } = training.readCheckpointHeader(path);
  const engine = await loadEngine('auto');
  const model = createDetectorModel(header.config, header.classes);
  training.loadWeights(checkpointDir, model);
  const { scoreThreshold } = header.config.test;
  const { runId, step } = header;
  return {
    info: { id: path, classes: header.classes, scoreThreshold },
    facts: { path, kind: 'checkpoint', runId, step, engine: engine.name, scoreThreshold },
    detect: async (image) => ({ detections: await detectImage(model, image) }),
    dispose: async () => {},
  };
}
