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
} as const;
