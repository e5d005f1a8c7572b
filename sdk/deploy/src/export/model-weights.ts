/** Shapes in this module: O outputs and I inputs of a layer, k kernel side. */
import { PlumblineError, type TrainConfig } from '@plumbline/contract';
import { stageStds } from '@plumbline/core/geometry';
import type { NamedTensor } from '@plumbline/core/safetensors';
import type { OnnxModel, OnnxNode, OnnxTensor } from '@plumbline/runtime/onnx';
import { floatsOf, sizesOf } from '../tensor-values.js';
import { batchNormEpsilon } from './conv.js';

interface Layer {
  /** As stored. */
  readonly weight: NamedTensor & { readonly data: Float32Array };
  /** What the graph multiplies it by, per output or per output and input; absent when folded in. */
  readonly factor?: Float32Array;
  readonly bias?: Float32Array;
}

/**
 * Reads the weights of a detector back from the float graph that was exported from them, so that a model folder can be
 * exported for another target without its checkpoint. A batch norm comes back as scale and offset with mean 0 and
 * variance 1: the same function of its input as the one that was folded.
 * @param file names it in errors
 * @returns tensors under the names of a checkpoint
 * @throws {PlumblineError} PLB_DEPLOY_NOT_EXPORTED when the graph is none of `plumbline export`, or quantized
 */
export function readModelWeights(model: OnnxModel, config: TrainConfig, file: string): Map<string, NamedTensor> {
  const tensors = new Map<string, NamedTensor>();
  const add = (name: string, shape: readonly number[], data: Float32Array) => {
    tensors.set(name, { dtype: 'F32', shape: [...shape], data } as NamedTensor);
  };
  if (config.model.backbone.norm === 'group')
    throw new PlumblineError('PLB_DEPLOY_NOT_EXPORTED', { file, problem: 'group norms are not read back' });
  const inputScale = config.normalization.std.map((value) => 1 / value);
  const reader = new LayerReader(model, file);
  for (const node of model.graph.node) {
    if (node.op_type !== 'Conv' && node.op_type !== 'Gemm') continue;
    const layer = reader.layerOf(node);
    const { shape } = layer.weight;
    const [outputs] = shape as [number];
    // The head of the proposals stands once for each level.
    const name = node.name.replace(/^rpn_head\.p\d\./, 'rpn_head.');
    if (tensors.has(`${name}.weight`) || tensors.has(`${name.replace(/rpn_out$/, 'rpn_cls')}.weight`)) continue;
    const norm = normOf(name);
    if (norm) {
      const isStem = name === 'backbone.conv1';
      const { weight, factor } = isStem ? withoutInputScale(layer, inputScale) : layer;
      add(`${name}.weight`, shape, weight.data);
      add(`${norm}.weight`, [outputs], factor ?? new Float32Array(outputs).fill(1));
      add(`${norm}.bias`, [outputs], layer.bias!);
      add(`${norm}.running_mean`, [outputs], new Float32Array(outputs));
      add(`${norm}.running_var`, [outputs], new Float32Array(outputs).fill(1 - batchNormEpsilon));
    } else {
      for (const part of partsOf(name, layer, config)) {
        add(`${part.name}.weight`, [part.bias.length, ...shape.slice(1)], part.weight);
        add(`${part.name}.bias`, [part.bias.length], part.bias);
      }
    }
  }
  return tensors;
}

/** The batch norm that a convolution was folded with. */
function normOf(conv: string): string | undefined {
  if (!/^backbone\.|\.(res|bottlenecks\.\d+)\./.test(conv)) return undefined;
  if (conv.endsWith('downsample.0')) return conv.replace(/0$/, '1');
  return conv.replace(/conv(\d|_identity)$/, 'bn$1');
}

interface Part {
  readonly name: string;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** Layers that the graph computes together, and the regressors' units, taken apart again. */
function partsOf(name: string, { weight, bias }: Layer, { model }: TrainConfig): Part[] {
  const { data } = weight;
  const rowSize = data.length / bias!.length;
  const cut = (part: string, from: number, to: number): Part => ({
    name: part,
    weight: data.slice(from * rowSize, to * rowSize),
    bias: bias!.slice(from, to),
  });
  const perCell = model.anchors.ratios.length;
  if (name === 'rpn_head.rpn_out')
    return [cut('rpn_head.rpn_cls', 0, perCell), cut('rpn_head.rpn_reg', perCell, 5 * perCell)];
  const joint = /^(roi_head\.stage\d)\.fc1$/.exec(name)?.[1];
  if (joint) {
    const { fcChannels: fc } = model.head;
    return [cut(`${joint}.cls_fcs.fc1`, 0, fc), cut(`${joint}.reg_branch.fc1`, fc, 2 * fc)];
  }
  const stage = /^roi_head\.stage(\d)\.fc_reg$/.exec(name)?.[1];
  if (stage) {
    const stds = stageStds[Number(stage) - 1]!;
    const unscaled = (values: Float32Array, width: number) =>
      values.map((value, i) => value / stds[Math.floor(i / width) % 4]!);
    return [{ name, weight: unscaled(data, rowSize), bias: unscaled(bias!, 1) }];
  }
  return [{ name, weight: data, bias: bias! }];
}

/** The stem divides by the standard deviations of the pixels first. */
function withoutInputScale({ weight, factor }: Layer, inputScale: readonly number[]): Pick<Layer, 'weight' | 'factor'> {
  if (factor) return { weight, factor: factor.filter((_, k) => k % 3 === 0).map((value) => value / inputScale[0]!) };
  const area = weight.data.length / (weight.shape[0]! * 3);
  const data = weight.data.map((value, k) => value / inputScale[Math.floor(k / area) % 3]!);
  return { weight: { ...weight, data } };
}

class LayerReader {
  private readonly producers = new Map<string, OnnxNode>();
  private readonly constants = new Map<string, OnnxTensor>();

  constructor(
    { graph }: OnnxModel,
    private readonly file: string,
  ) {
    for (const tensor of graph.initializer) this.constants.set(tensor.name, tensor);
    for (const node of graph.node) for (const output of node.output) this.producers.set(output, node);
  }

  layerOf(node: OnnxNode): Layer {
    const folded = this.producers.get(node.input[1]!);
    const bias = node.input[2] ? { bias: this.floats(node.input[2], node) } : {};
    if (folded?.op_type !== 'Mul') return { weight: this.tensor(node.input[1]!, node), ...bias };
    const [stored, factor] = folded.input as [string, string];
    return { weight: this.tensor(stored, node), factor: this.floats(factor, node), ...bias };
  }

  private tensor(value: string, node: OnnxNode): Layer['weight'] {
    const cast = this.producers.get(value);
    const name = cast?.op_type === 'Cast' ? cast.input[0]! : value;
    const constant = this.constants.get(name);
    const shape = constant ? sizesOf(constant) : [];
    return { dtype: 'F32', shape, data: this.floats(name, node) };
  }

  private floats(name: string, node: OnnxNode): Float32Array {
    const tensor = this.constants.get(name);
    const values = tensor && floatsOf(tensor);
    if (values) return values;
    const problem = `${node.op_type} ${node.name} reads ${name}, which is no float constant of the file`;
    throw new PlumblineError('PLB_DEPLOY_NOT_EXPORTED', { file: this.file, problem });
  }
}
