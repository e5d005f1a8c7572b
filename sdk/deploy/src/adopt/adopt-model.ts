import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { isPlumblineError, type ModelIo, type ModelManifest, PlumblineError } from '@plumbline/contract';
import { createRandom } from '@plumbline/core/random';
import { decodeModel } from '@plumbline/runtime/onnx';
import { modelFileTarget, writeModelFile } from '../model-file.js';
import { openBytes } from '../open-bytes.js';
import { readFileMetadata } from './file-metadata.js';
import { inWords, readGraphFacts } from './graph-facts.js';
import {
  fitLayout,
  fittingLayouts,
  type LayoutFit,
  LayoutMisfit,
  type LayoutName,
  type LayoutSettings,
} from './layouts.js';

export interface AdoptOptions extends Omit<LayoutSettings, 'classCount'> {
  /** The .onnx file of another project. */
  readonly file: string;
  /** A folder, or the path of the .onnx file in it. */
  readonly out: string;
  /** A layout by name, or inputs and outputs as a manifest describes them with the name of what says so. */
  readonly layout: LayoutName | { readonly name: string; readonly io: ModelIo };
  /** In class-id order, without background; those that the file names when absent. */
  readonly classes?: readonly string[];
  /** Lowest score that the detector returns. */
  readonly scoreThreshold: number;
  /** The file's name without ending when absent. */
  readonly id?: string;
  readonly version: string;
}

export interface AdoptedModel {
  readonly modelPath: string;
  readonly manifest: ModelManifest;
  readonly classesFrom: 'user' | 'file';
  /** Inputs and outputs as the file states them. */
  readonly found: string;
}

/**
 * Makes a model folder of a detector that another project exported: the file as it is and the manifest that describes it.
 * It is run on a blank frame and on one of noise before anything is written.
 * @throws {PlumblineError} PLB_RUNTIME_MODEL_MISSING, PLB_RUNTIME_MODEL_UNREADABLE, PLB_DEPLOY_LAYOUT_MISFIT,
 *   PLB_DEPLOY_CLASSES_UNKNOWN, PLB_DEPLOY_OTHER_MODEL, PLB_DEPLOY_WRITE_FAILED
 */
export async function adoptModel(options: AdoptOptions): Promise<AdoptedModel> {
  const { file, out, layout, scoreThreshold, version } = options;
  const bytes = await readModel(file);
  const facts = readGraphFacts(decodeModel(bytes, file));
  const own = readFileMetadata(facts.metadata);
  const found = `it takes ${inWords(facts.inputs)} and returns ${inWords(facts.outputs)}`;
  const classes = options.classes ?? own.classes;
  const settings: LayoutSettings = { ...options, ...(classes ? { classCount: classes.length } : {}) };
  const name = typeof layout === 'string' ? `the layout ${layout}` : `the description in ${layout.name}`;
  const misfit = (problem: string, cause?: unknown) => {
    const others = (asked: LayoutSettings) => fittingLayouts(facts, asked).filter((other) => other !== layout);
    // The number of classes tells tables apart, unless it is what is wrong.
    const fitting = [settings, {}].map(others).find((names) => names.length > 0) ?? [];
    const fits = fitting.length > 0 ? `layouts that fit: ${fitting.join(', ')}` : 'no other named layout fits';
    return new PlumblineError('PLB_DEPLOY_LAYOUT_MISFIT', { file, layout: name, problem, found, fits }, { cause });
  };
  const fit = typeof layout === 'string' ? fitOrThrow(() => fitLayout(layout, facts, settings), misfit) : layout.io;
  if (!classes) {
    const { classCount } = fit as LayoutFit;
    throw new PlumblineError('PLB_DEPLOY_CLASSES_UNKNOWN', { file, count: classCount ?? null });
  }
  const io: ModelIo = { input: fit.input, outputs: fit.outputs };
  const manifest: ModelManifest = {
    schema: 'plumbline.model/1',
    id: options.id ?? basename(file, '.onnx'),
    version,
    architecture: typeof layout === 'string' ? layout : 'foreign',
    classes: [...classes],
    scoreThreshold,
    ...io,
    files: {},
    ...(own.license ? { license: own.license } : {}),
  };
  const target = modelFileTarget(out, manifest, io);
  await tryOut(bytes, manifest, file, misfit);
  const written = await writeModelFile(target, bytes);
  return {
    modelPath: target.modelPath,
    manifest: written,
    classesFrom: options.classes ? 'user' : 'file',
    found,
  };
}

async function readModel(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_RUNTIME_MODEL_MISSING', { file, reason }, { cause });
  }
}

type Refuse = (problem: string, cause?: unknown) => PlumblineError;

function fitOrThrow(fit: () => LayoutFit, misfit: Refuse): LayoutFit {
  try {
    return fit();
  } catch (error) {
    throw error instanceof LayoutMisfit ? misfit(error.message, error) : error;
  }
}

/** Runs the model as it will be: shapes that the file leaves open show only then, and so do classes beyond the named. */
async function tryOut(bytes: Uint8Array, manifest: ModelManifest, file: string, misfit: Refuse): Promise<void> {
  try {
    const detector = await openBytes(bytes, manifest);
    try {
      const [height, width] = detector.info.frameSizeHw;
      await detector.detect(noise(width, height));
    } finally {
      await detector.dispose();
    }
  } catch (error) {
    if (!isPlumblineError(error)) throw error;
    const { problem, reason } = error.params as { problem?: string; reason?: string };
    if (error.code === 'PLB_RUNTIME_MODEL_INTERFACE') throw misfit(problem!, error);
    if (error.code === 'PLB_RUNTIME_INFERENCE_FAILED') throw misfit(`a run with a frame failed: ${reason}`, error);
    if (error.code !== 'PLB_RUNTIME_MODEL_UNREADABLE') throw error;
    throw new PlumblineError('PLB_RUNTIME_MODEL_UNREADABLE', { file, reason: reason! }, { cause: error });
  }
}

function noise(width: number, height: number) {
  const random = createRandom(1);
  const data = Uint8Array.from({ length: 3 * width * height }, () => Math.floor(256 * random.next()));
  return { width, height, data };
}
