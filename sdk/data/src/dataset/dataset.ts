import { PlumblineError } from '@plumbline/contract';
import { readDeepPcb } from './deeppcb.js';
import { failAtOnce, type ProblemSink } from './problems.js';
import type { Dataset, DatasetSpec } from './sample.js';

type Reader = (spec: DatasetSpec, onProblem: ProblemSink) => Promise<Dataset>;

/** One reader per kind of annotation. */
const readers: Readonly<Record<string, Reader>> = { deeppcb: readDeepPcb };
const accepted = 'deeppcb:DIR[#train|val|all|NAME]';

/**
 * Opens a dataset and checks every label and image header; the first thing wrong is thrown.
 * @param spec `deeppcb:DIR[#SPLIT]`; a relative DIR is taken from the current folder
 * @throws {PlumblineError} the codes of errors/data.ts, which name file, line and what is accepted
 */
export async function openDataset(spec: string): Promise<Dataset> {
  return readDataset(spec, failAtOnce);
}

/** As {@link openDataset}, but hands what is wrong to `onProblem`; a sink that returns leaves the bad box or image out. */
export async function readDataset(spec: string, onProblem: ProblemSink): Promise<Dataset> {
  const parsed = parseDatasetSpec(spec);
  const reader = readers[parsed.kind] as Reader;
  return reader(parsed, onProblem);
}

/** @throws {PlumblineError} PLB_DATA_SPEC_INVALID */
export function parseDatasetSpec(spec: string): DatasetSpec {
  const match = /^([a-z0-9-]+):([^#]+)(?:#([^#]*))?$/i.exec(spec);
  if (!match)
    throw new PlumblineError('PLB_DATA_SPEC_INVALID', {
      spec,
      problem: 'is not of the form KIND:DIR[#SPLIT]',
      accepted,
    });
  const [, kind = '', path = '', split = 'all'] = match;
  if (!Object.hasOwn(readers, kind))
    throw new PlumblineError('PLB_DATA_SPEC_INVALID', { spec, problem: `no reader is named "${kind}"`, accepted });
  if (!/^[\w.-]+$/.test(split)) {
    throw new PlumblineError('PLB_DATA_SPEC_INVALID', {
      spec,
      problem: `"${split}" is not the name of a split`,
      accepted,
    });
  }
  return { spec, kind, path, split };
}
