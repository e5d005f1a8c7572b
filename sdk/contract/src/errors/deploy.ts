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
  PLB_DEPLOY_NOT_EXPORTED: entry(
    (p: { file: string; problem: string }) => `${p.file}: its weights cannot be read back: ${p.problem}`,
    'Name a checkpoint folder, or a model folder whose model.onnx is the portable float file that `plumbline export` wrote.',
    'input',
  ),
  PLB_DEPLOY_TOPK_LIMIT: entry(
    (p: { source: string; key: string; value: number; limit: number }) =>
      `${p.source}: ${p.key} is ${p.value}; TensorRT's TopK takes fewer than ${p.limit}`,
    'Set a smaller number in the configuration, or give one with --proposals. The best few hundred proposals hold nearly every object.',
    'input',
  ),
  PLB_DEPLOY_CALIBRATION_EMPTY: entry(
    () => 'there is no image to calibrate with',
    'Name a dataset with images after --calibrate; some hundred images as the camera sees them are a good number.',
    'input',
  ),
  PLB_DEPLOY_CALIBRATION_NOT_FINITE: entry(
    (p: { value: string; image: string }) => `${p.image}: the model computes numbers that are not finite at ${p.value}`,
    'The float model is broken or overflows with this image. Evaluate it with `plumbline eval` first.',
    'input',
  ),
  PLB_DEPLOY_GATE_FAILED: entry(
    (p: { dropPoints: number; maxDropPoints: number; keptFloat: number; layers: number; tried: number }) =>
      `the quantized model loses ${p.dropPoints.toFixed(2)} AP, more than ${p.maxDropPoints} are allowed; best of ${p.tried} models, ${p.keptFloat} of ${p.layers} layers float in it; nothing was written`,
    'Try another --method or more --images; look at the layers in the report. --max-drop allows a larger loss.',
  ),
  PLB_DEPLOY_NOTHING_TO_QUANTIZE: entry(
    (p: { file: string }) => `${p.file}: no node of this graph is one that \`plumbline quantize\` turns into integers`,
    'Name a float model; a quantized file cannot be quantized again. Nodes of your choice are named with --nodes, and --exclude-nodes may have left none.',
    'input',
  ),
  PLB_DEPLOY_OPSET_TOO_OLD: entry(
    (p: { file: string; opset: number; lowest: number }) =>
      `${p.file}: operator set ${p.opset} has no integers with a step for each channel, ${p.lowest} is the lowest that has`,
    'Export the model again with a newer operator set, 17 for example.',
    'input',
  ),
  PLB_DEPLOY_LAYOUT_MISFIT: entry(
    (p: { file: string; layout: string; problem: string; found: string; fits: string }) =>
      `${p.file} does not fit ${p.layout}: ${p.problem}; ${p.found}; ${p.fits}`,
    'Name a layout that fits, or describe input and outputs in a file for --io (docs/guides/foreign-models.md). Nothing was written.',
    'input',
  ),
  PLB_DEPLOY_CLASSES_UNKNOWN: entry(
    (p: { file: string; count: number | null }) =>
      `${p.file}: the file does not name its ${p.count === null ? '' : `${p.count} `}classes`,
    'Name them in the order of their ids, without a background, with --classes or --classes-file.',
    'input',
  ),
  PLB_DEPLOY_NOT_STATIC: entry(
    (p: { file: string }) =>
      `${p.file}: not a graph of \`plumbline export --target tensorrt\`, which has fixed shapes and leaves the suppression of boxes to the runtime`,
    'Export the checkpoint with `plumbline export --target tensorrt` first and quantize that file. Only models of `plumbline export` have one.',
    'input',
  ),
  PLB_DEPLOY_OTHER_MODEL: entry(
    (p: { file: string; found: string; expected: string }) =>
      `${p.file}: this folder is ${p.found}, the new file belongs to ${p.expected}`,
    'Write into the folder of the same model or into a new one.',
    'input',
  ),
  PLB_DEPLOY_WRITE_FAILED: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be written (${p.reason})`,
    'Make room or choose another folder. No partial file is left behind.',
  ),
  PLB_DEPLOY_WEIGHTS_INVALID: entry(
    (p: { file: string; node: string; tensor: string; problem: string }) =>
      `${p.file}: tensor ${p.tensor} of node ${p.node}: ${p.problem}`,
    'Weights have to be finite float32 numbers. Export the checkpoint again; if it holds such values itself, go back to an earlier one.',
    'input',
  ),
} as const;
