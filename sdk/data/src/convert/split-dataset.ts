/** Shapes in this module: U units that stay together (an image, or all images of a group), K classes. */
import { createRandom } from '@plumbline/core/random';
import type { Dataset, SampleRef } from '../dataset/index.js';

export interface SplitOptions {
  /** Share of the images that goes to `val`, 0..1. */
  readonly valShare: number;
  readonly seed: number;
  /** What images must stay together: same part, same shift. Default: each image for itself. */
  readonly groupOf?: (sample: SampleRef) => string;
}

export interface DatasetSplit {
  readonly train: readonly SampleRef[];
  readonly val: readonly SampleRef[];
}

interface Unit {
  readonly samples: SampleRef[];
  /** [K + 1] images that have a class, and all images at the end. */
  readonly counts: Float64Array;
}

/**
 * Splits images so that both sides have the same mixture of classes, whole groups at a time. Units are placed one by one,
 * those with the rarest class still to place first, each on the side that lacks that class most.
 * Source: iterative stratification, Sechidis et al., ECML PKDD 2011, section 4, with groups as units.
 */
export function splitDataset(dataset: Dataset, { valShare, seed, groupOf }: SplitOptions): DatasetSplit {
  const classes = dataset.classes.length;
  const units = createUnits(dataset, groupOf);
  const total = sumOf(units, classes);
  const isVal = new Map<Unit, boolean>();
  const lacking = [total.map((count) => count * (1 - valShare)), total.map((count) => count * valShare)] as const;
  const place = (unit: Unit, side: 0 | 1) => {
    isVal.set(unit, side === 1);
    unit.counts.forEach((count, k) => {
      lacking[side][k]! -= count;
    });
  };
  let open = shuffled(units, seed);
  while (open.length > 0) {
    const left = sumOf(open, classes);
    // The rarest class that is left; when only images without a box are left, the number of images decides.
    let rarest = classes;
    for (let k = 0; k < classes; k++) {
      if (left[k]! > 0 && (rarest === classes || left[k]! < left[rarest]!)) rarest = k;
    }
    // Large groups first: small ones fill what is then left.
    const withRarest = open.filter((unit) => unit.counts[rarest]! > 0);
    for (const unit of withRarest.sort((a, b) => b.counts[rarest]! - a.counts[rarest]!)) {
      const [train, val] = lacking;
      const difference = val[rarest]! - train[rarest]! || val[classes]! - train[classes]!;
      place(unit, difference > 0 ? 1 : 0);
    }
    open = open.filter((unit) => !isVal.has(unit));
  }
  const chosen = new Set(units.filter((unit) => isVal.get(unit)).flatMap((unit) => unit.samples));
  return {
    train: dataset.samples.filter((sample) => !chosen.has(sample)),
    val: dataset.samples.filter((sample) => chosen.has(sample)),
  };
}

function createUnits({ samples, classes }: Dataset, groupOf?: (sample: SampleRef) => string): Unit[] {
  const units = new Map<string, Unit>();
  for (const sample of samples) {
    const key = groupOf ? groupOf(sample) : String(sample.imageId);
    const unit = units.get(key) ?? { samples: [], counts: new Float64Array(classes.length + 1) };
    units.set(key, unit);
    unit.samples.push(sample);
    for (const label of new Set(sample.gtLabels)) unit.counts[label]! += 1;
    unit.counts[classes.length]! += 1;
  }
  return [...units.values()];
}

function sumOf(units: readonly Unit[], classes: number): Float64Array {
  const sum = new Float64Array(classes + 1);
  for (const { counts } of units) {
    counts.forEach((count, k) => {
      sum[k]! += count;
    });
  }
  return sum;
}

function shuffled(units: readonly Unit[], seed: number): Unit[] {
  const order = createRandom(seed >>> 0).shuffle(Int32Array.from(units.keys()));
  return [...order].map((i) => units[i]!);
}
