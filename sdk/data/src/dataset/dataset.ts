import { readCoco } from './coco.js';
import { readDeepPcb } from './deeppcb.js';
import { failAtOnce, type ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec } from './sample.js';
import { type DatasetKind, parseDatasetSpec } from './spec.js';
import { readVoc } from './voc.js';
import { readYolo } from './yolo.js';

type Reader = (spec: DatasetSpec, onProblem: ProblemSink) => Promise<Dataset>;

/** One reader per kind of annotation. */
const readers: Readonly<Record<DatasetKind, Reader>> = {
  coco: readCoco,
  deeppcb: readDeepPcb,
  voc: readVoc,
  yolo: readYolo,
};

/**
 * Opens a dataset and checks every label and image header; the first thing wrong is thrown.
 * @param spec `deeppcb:DIR[#SPLIT]`, `voc:DIR[#SPLIT]`, `yolo:DATA.yaml[#SPLIT]` or `coco:ANNOTATIONS.json@IMAGES_DIR`;
 *   a relative path is taken from the current folder
 * @throws {PlumblineError} the codes of errors/data.ts, which name file, line and what is accepted
 */
export async function openDataset(spec: string): Promise<Dataset> {
  return readDataset(spec, failAtOnce);
}

/** As {@link openDataset}, but hands what is wrong to `onProblem`; a sink that returns leaves the bad box or image out. */
export async function readDataset(spec: string, onProblem: ProblemSink): Promise<Dataset> {
  const parsed = parseDatasetSpec(spec);
  return readers[parsed.kind](parsed, onProblem);
}
