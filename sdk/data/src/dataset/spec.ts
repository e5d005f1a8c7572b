import { PlumblineError } from '@plumbline/contract';
import type { DatasetSpec } from './sample.js';

/** What each kind of spec looks like. */
const forms = {
  deeppcb: 'deeppcb:DIR[#train|val|all|NAME]',
  voc: 'voc:DIR[#NAME]',
  yolo: 'yolo:DATA.yaml[#train|val|test|all|NAME]',
  coco: 'coco:ANNOTATIONS.json@IMAGES_DIR',
} as const;

export type DatasetKind = keyof typeof forms;

const accepted = Object.values(forms).join(', ');

/**
 * Takes a dataset spec apart.
 * @throws {PlumblineError} PLB_DATA_SPEC_INVALID
 */
export function parseDatasetSpec(spec: string): DatasetSpec & { readonly kind: DatasetKind } {
  const refuse = (problem: string): never => {
    throw new PlumblineError('PLB_DATA_SPEC_INVALID', { spec, problem, accepted });
  };
  const match = /^([a-z0-9-]+):([^#]+)(?:#([^#]*))?$/i.exec(spec);
  if (!match) return refuse('is not of the form KIND:DIR[#SPLIT]');
  const [, kind = '', where = '', split] = match;
  if (!Object.hasOwn(forms, kind)) return refuse(`no reader is named "${kind}"`);
  if (split !== undefined && !/^[\w.-]+$/.test(split)) return refuse(`"${split}" is not the name of a split`);
  if (kind !== 'coco') return { spec, kind: kind as DatasetKind, path: where, split: split ?? 'all' };
  if (split !== undefined) return refuse('a COCO annotation file is one split; #NAME has no meaning');
  const at = where.lastIndexOf('@');
  if (at <= 0 || at === where.length - 1) return refuse('the folder of the images is missing');
  return { spec, kind, path: where.slice(0, at), imagesDir: where.slice(at + 1), split: 'all' };
}
