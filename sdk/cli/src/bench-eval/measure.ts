import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { EvalWorkload } from './workload.js';

/** One run: seconds to read the two files, and from there to the figures. */
export interface EvalTiming {
  readonly loadSeconds: number;
  readonly evaluateSeconds: number;
  /** COCO's twelve figures. */
  readonly stats: readonly number[];
}

export interface OwnTiming extends EvalTiming {
  /** Peak of the whole process, MB. */
  readonly maxRssMb: number;
}

/** Runs in a fresh process: nothing is warm, and the peak of memory is that of this evaluation. */
const program = `
const { readCocoGroundTruth, readCocoDetections, evaluateCocoInThreads } = await import(process.argv[1]);
const started = performance.now();
const truth = await readCocoGroundTruth(process.argv[2]);
const found = await readCocoDetections(process.argv[3], truth);
const loaded = performance.now();
const { stats } = await evaluateCocoInThreads(truth, found, undefined, Number(process.argv[4]));
const ended = performance.now();
console.log(JSON.stringify({ loadSeconds: (loaded - started) / 1000, evaluateSeconds: (ended - loaded) / 1000,
  stats: Object.values(stats), maxRssMb: (process.resourceUsage().maxRSS * 1024) / 1e6 }));
`;

/** Times Plumbline's evaluator as a cold process. */
export async function measureOwn({ gt, dt }: EvalWorkload, threads: number): Promise<OwnTiming> {
  const module = import.meta.resolve('@plumbline/data/eval');
  const args = ['--input-type=module', '-e', program, '--', module, gt, dt, String(threads)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as OwnTiming;
}
