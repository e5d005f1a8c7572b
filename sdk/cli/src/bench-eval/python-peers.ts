import { spawn } from 'node:child_process';
import type { EvalTiming } from './measure.js';
import type { EvalWorkload } from './workload.js';

/** Python packages that evaluate COCO boxes. */
export const evalPeers = ['pycocotools', 'faster-coco-eval', 'hotcoco'] as const;
export type EvalPeer = (typeof evalPeers)[number];

/**
 * Times one package in a process of its own with one thread: load is parsing and indexing, evaluate everything up to the
 * twelve figures. Prints one JSON document; `missing` when the package cannot be imported.
 */
const script = `
import contextlib, io, json, sys, time
from importlib.metadata import version
name, gt, dt = sys.argv[1:4]
try:
    if name == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval as Eval
    elif name == "faster-coco-eval":
        from faster_coco_eval import COCO, COCOeval_faster as Eval
    else:
        from hotcoco import COCO, COCOeval as Eval
except ImportError as error:
    print(json.dumps({"missing": str(error)})); sys.exit(0)
with contextlib.redirect_stdout(io.StringIO()):
    started = time.perf_counter()
    truth = COCO(gt)
    found = truth.load_res(dt) if hasattr(truth, "load_res") else truth.loadRes(dt)
    loaded = time.perf_counter()
    run = Eval(truth, found, "bbox")
    run.evaluate(); run.accumulate(); run.summarize()
    ended = time.perf_counter()
print(json.dumps({"version": version(name), "loadSeconds": loaded - started, "evaluateSeconds": ended - loaded,
                  "stats": [float(value) for value in run.stats[:12]]}))
`;

export type PeerOutcome = (EvalTiming & { readonly version: string }) | { readonly missing: string };

/** @param python interpreter that may have the package */
export async function measurePeer(python: string, peer: EvalPeer, { gt, dt }: EvalWorkload): Promise<PeerOutcome> {
  const env = { ...process.env, OMP_NUM_THREADS: '1', RAYON_NUM_THREADS: '1' };
  const child = spawn(python, ['-c', script, peer, gt, dt], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const problem = await new Promise<string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status) => resolve(status === 0 ? null : (output.stderr.trim().split('\n').at(-1) ?? 'failed')));
  });
  if (problem !== null) return { missing: problem };
  try {
    return JSON.parse(output.stdout) as PeerOutcome;
  } catch {
    return { missing: `${python} printed no result` };
  }
}
