import { PlumblineError } from '@plumbline/contract';
import type { NamedTensor } from '@plumbline/core/safetensors';
import { batchNormEpsilon } from '../model/layers.js';
import type { Parameter } from '../model/parameters.js';
import { fromStored, storedShape } from '../model/weights.js';
import { type KeyTarget, targetOf, type WeightLayout } from './layouts.js';
import type { WeightFile } from './read-weights.js';

/** What became of every key of a file and every parameter of the model. */
export interface ImportReport {
  readonly loaded: readonly { readonly key: string; readonly parameter: string }[];
  readonly unused: readonly { readonly key: string; readonly shape: readonly number[]; readonly reason: string }[];
  /** Parameters that keep their initial value. */
  readonly missing: readonly { readonly parameter: string; readonly shape: readonly number[] }[];
}

export interface ImportOptions {
  readonly layout: WeightLayout;
  /** Load what fits and report the rest, instead of refusing the file. */
  readonly partial?: boolean;
  /**
   * Epsilon of the batch norms of the source; torchvision's `COCO_V1` detectors have 0. The difference to ours moves
   * into the running variances, so that the sums are equal.
   */
  readonly epsilon?: number;
}

/**
 * Loads a file's tensors into a model; after an error the model is as before.
 * @throws {PlumblineError} PLB_TRAIN_WEIGHTS_MISMATCH naming the first key that does not fit, its shape and the expected
 *   one: always for a number that is not finite, or when nothing at all fits; unless `partial`, also for a key that the
 *   model lacks, a wrong shape and a parameter that the file lacks
 */
export function importModelWeights(
  parameters: readonly Parameter[],
  source: WeightFile,
  { layout, partial = false, epsilon = batchNormEpsilon }: ImportOptions,
): ImportReport {
  const { file } = source;
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const chosen = new Map<string, { key: string; tensor: NamedTensor }>();
  const unused: ImportReport['unused'][number][] = source.others.map((key) => ({
    key,
    shape: [],
    reason: 'no tensor',
  }));
  const mismatch = (key: string, actual: string, expected: string) =>
    new PlumblineError('PLB_TRAIN_WEIGHTS_MISMATCH', { file, key, actual, expected });

  for (const [key, tensor] of source.tensors) {
    const { shape } = tensor;
    const skip = (reason: string) => {
      if (!partial) throw mismatch(key, `[${shape}]`, reason);
      unused.push({ key, shape, reason });
    };
    const target = targetOf(key, layout);
    if (target && 'ignored' in target) {
      unused.push({ key, shape, reason: target.ignored });
      continue;
    }
    const parameter = target && byName.get(target.name);
    if (!parameter) {
      skip(target ? `no parameter, as this model has no ${target.name}` : `no key that ${layout} names so`);
      continue;
    }
    const expected = shapeInFile(storedShape(parameter), target.rows);
    const other = chosen.get(parameter.name);
    if (other) skip(`nothing, as ${other.key} is the same parameter`);
    else if (
      `${shape}` !== `${expected}` ||
      !(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array)
    )
      skip(`[${expected}] of floating type`);
    else if (!tensor.data.every(Number.isFinite)) throw mismatch(key, 'not finite everywhere', 'finite values');
    else chosen.set(parameter.name, { key, tensor: ordered(tensor, target.rows) });
  }
  const missing = parameters
    .filter(({ name }) => !chosen.has(name))
    .map((parameter) => ({ parameter: parameter.name, shape: storedShape(parameter) }));
  if (missing.length > 0 && (!partial || chosen.size === 0)) {
    throw mismatch(missing[0]!.parameter, 'absent', `[${missing[0]!.shape}]`);
  }
  const loaded: ImportReport['loaded'][number][] = [];
  for (const [name, { key, tensor }] of chosen) {
    const isVariance = name.endsWith('.running_var') && epsilon !== batchNormEpsilon;
    const shifted = isVariance ? shift(tensor, epsilon - batchNormEpsilon) : tensor;
    const parameter = byName.get(name)!;
    const value = fromStored(parameter, shifted);
    parameter.variable.assign(value);
    value.dispose();
    loaded.push({ key, parameter: name });
  }
  return { loaded, unused, missing };
}

type RowOrder = Extract<KeyTarget, { name: string }>['rows'];

function shapeInFile([rows, ...rest]: readonly number[], order: RowOrder): number[] {
  return [order === 'boxes' ? rows! + 4 : rows!, ...rest];
}

/** Rows in our order: see {@link KeyTarget}. */
function ordered(tensor: NamedTensor, order: RowOrder): NamedTensor {
  if (!order) return tensor;
  const data = tensor.data as Float32Array;
  const [rows, ...rest] = tensor.shape as [number, ...number[]];
  const row = data.length / rows;
  if (order === 'boxes') return { ...tensor, shape: [rows - 4, ...rest], data: data.slice(4 * row) };
  const moved = data.slice();
  moved.copyWithin(0, row);
  moved.set(data.subarray(0, row), data.length - row);
  return { ...tensor, data: moved };
}

function shift(tensor: NamedTensor, by: number): NamedTensor {
  return { ...tensor, data: (tensor.data as Float32Array).map((value) => value + by) };
}
