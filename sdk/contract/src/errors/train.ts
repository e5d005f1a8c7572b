import { entry } from './define.js';

export const trainErrors = {
  PLB_TRAIN_ENGINE_NOT_SET_UP: entry(
    (p: { dir: string }) => `the tensorflow engine is not set up in ${p.dir}`,
    'Run `plumbline doctor --setup tensorflow` once, or use `--engine wasm`.',
    'input',
  ),
  PLB_TRAIN_ENGINE_BROKEN: entry(
    (p: { dir: string; reason: string }) => `the tensorflow engine in ${p.dir} does not start: ${p.reason}`,
    'Remove that folder and run `plumbline doctor --setup tensorflow` again.',
  ),
  PLB_TRAIN_WEIGHTS_MISMATCH: entry(
    (p: { file: string; key: string; actual: string; expected: string }) =>
      `${p.file}: weight ${p.key} is ${p.actual}, expected ${p.expected}; nothing was loaded`,
    'The weights belong to a model of another shape. Use the configuration that they were trained with.',
    'input',
  ),
  PLB_TRAIN_CHECKPOINT_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable checkpoint: ${p.reason}`,
    'Point to a folder that `plumbline train --out` has written, with config.json and weights.safetensors in it.',
    'input',
  ),
  PLB_TRAIN_CONFIG_CHANGED: entry(
    (p: { dir: string; keys: string }) => `${p.dir}: holds a run with other settings (${p.keys})`,
    'Resume with the configuration of that run, or give a new --out folder.',
    'input',
  ),
  PLB_TRAIN_OUT_IN_USE: entry(
    (p: { dir: string }) => `${p.dir}: already holds a training run`,
    'Continue it with --resume, or give a new --out folder.',
    'input',
  ),
  PLB_TRAIN_DIVERGED: entry(
    (p: { step: number; term: string; imageIds: string; checkpoint: string }) =>
      `step ${p.step}: loss ${p.term} is not a finite number (images ${p.imageIds}); last good checkpoint: ${p.checkpoint}`,
    'Lower schedule.learningRate or lengthen schedule.warmupSteps, and check the labels of the named images.',
  ),
  PLB_TRAIN_BAD_GROUND_TRUTH: entry(
    (p: { image: string; row: number; problem: string }) => `${p.image}: box ${p.row}: ${p.problem}`,
    'Correct the label; `plumbline dataset inspect SPEC` lists every such problem.',
    'input',
  ),
} as const;
