import { type ClassMap, PlumblineError } from '@plumbline/contract';
import type { Dataset } from '../dataset/index.js';

/**
 * A dataset with other class names. Classes that the map does not mention keep theirs; the new classes are in the order
 * in which they first occur. Category ids of a COCO file are given anew when classes are merged or left out.
 * @throws {PlumblineError} PLB_DATA_CLASS_MAP for a name that the dataset does not have, or when no class is left
 */
export function mapClasses(dataset: Dataset, map: ClassMap): Dataset {
  const unknown = Object.keys(map).find((name) => !dataset.classes.includes(name));
  const accepted = dataset.classes.join(', ');
  if (unknown !== undefined) throw new PlumblineError('PLB_DATA_CLASS_MAP', { name: unknown, accepted });
  const targets = dataset.classes.map((name) => (name in map ? map[name]! : name));
  const classes = [...new Set(targets.filter((name) => name !== null))];
  if (classes.length === 0) throw new PlumblineError('PLB_DATA_CLASS_MAP', { name: 'every class left out', accepted });
  const labelOf = targets.map((name) => (name === null ? -1 : classes.indexOf(name)));
  const isOneToOne = classes.length === dataset.classes.length;
  const samples = dataset.samples.map((sample) => {
    const kept = [...sample.gtLabels.keys()].filter((g) => labelOf[sample.gtLabels[g]!]! >= 0);
    const pick = <T extends Uint8Array | Float64Array>(values: T | undefined, key: string) =>
      values ? { [key]: values.filter((_, g) => labelOf[sample.gtLabels[g]!]! >= 0) } : {};
    return {
      ...sample,
      gtBoxesXyxy: Float64Array.from(kept.flatMap((g) => [...sample.gtBoxesXyxy.subarray(4 * g, 4 * g + 4)])),
      gtLabels: Int32Array.from(kept, (g) => labelOf[sample.gtLabels[g]!]!),
      ...pick(sample.gtDifficult, 'gtDifficult'),
      ...pick(sample.gtIsCrowd, 'gtIsCrowd'),
      ...pick(sample.gtAreas, 'gtAreas'),
    };
  });
  const { name, categoryIds } = dataset;
  return { name, classes, ...(categoryIds && isOneToOne ? { categoryIds } : {}), samples };
}
