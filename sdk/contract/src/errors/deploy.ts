import { entry } from './define.js';

export const deployErrors = {
  PLB_DEPLOY_CHECKPOINT_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be read (${p.reason})`,
    'Name a checkpoint folder as `plumbline train` writes it: config.json and weights.safetensors.',
    'input',
  ),
  PLB_DEPLOY_CHECKPOINT_TENSOR: entry(
    (p: { file: string; name: string; actual: string; expected: string }) =>
      `${p.file}: tensor ${p.name} is ${p.actual}, config.json asks for Float32Array ${p.expected}`,
    'config.json and weights.safetensors are of different runs, or one of them was edited. Take both from one checkpoint.',
    'input',
  ),
  PLB_DEPLOY_MODEL_UNSUPPORTED: entry(
    (p: { source: string; key: string; value: string }) =>
      `${p.source}: models with ${p.key} ${p.value} are not exported`,
    'Such a model can be trained and evaluated by `plumbline train` and `plumbline eval`. For a device, train one with the other value of this setting.',
    'input',
  ),
  PLB_DEPLOY_WEIGHTS_INVALID: entry(
    (p: { file: string; node: string; tensor: string; problem: string }) =>
      `${p.file}: tensor ${p.tensor} of node ${p.node}: ${p.problem}`,
    'Weights have to be finite float32 numbers. Export the checkpoint again; if it holds such values itself, go back to an earlier one.',
    'input',
  ),
} as const;
