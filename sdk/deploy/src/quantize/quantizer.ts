import { PlumblineError } from '@plumbline/contract';
import { encodeModel, type OnnxModel, type OnnxNode, toNumber } from '@plumbline/runtime/onnx';
import { computesFeatures } from '../feature-names.js';
import { withHalfFloats } from '../half/half-floats.js';
import { type CalibrationImage, type CalibrationOptions, measureRanges } from './calibrate.js';
import { refuseInvalidWeights } from './check-weights.js';
import { chooseNodes, isWorthInTensorrt, type NodeChoice } from './choose-nodes.js';
import { GraphView } from './graph-view.js';
import { rewriteIntegers } from './integer-rewrites.js';
import { withNodeNames } from './node-names.js';
import { planQdq, type QdqPlan, type QdqSettings, valuesToMeasure } from './qdq-plan.js';
import type { Range } from './range-collectors.js';
import { writeQdq } from './write-qdq.js';

/** Nodes with one weight: a layer, or one that several pyramid levels share. */
export interface Layer {
  /** Of its weight, without `.weight`. */
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
}

/** Writes a graph with any of its layers in integers, from ranges measured once. */
export class Quantizer {
  readonly layers: readonly Layer[];
  private readonly fullPlan: QdqPlan;

  /** @param nodes that may be quantized */
  constructor(
    readonly view: GraphView,
    readonly nodes: readonly OnnxNode[],
    readonly settings: QdqSettings,
    private readonly ranges: ReadonlyMap<string, Range>,
    /** Added to the metadata of every file. */
    private readonly metadata: Readonly<Record<string, string>> = {},
  ) {
    this.fullPlan = planQdq(view, namesOf(nodes), settings);
    const byWeight = new Map<string, OnnxNode[]>();
    for (const [node, { weight }] of this.fullPlan.weighted) {
      byWeight.set(weight.name, [...(byWeight.get(weight.name) ?? []), node]);
    }
    this.layers = [...byWeight].map(([weight, ofWeight]) => ({
      name: weight.replace(/\.weight$/, ''),
      nodes: ofWeight,
    }));
  }

  /** Everything in integers except some layers. */
  without(layers: ReadonlySet<string>): OnnxModel {
    const kept = namesOf(this.layers.filter(({ name }) => layers.has(name)).flatMap(({ nodes }) => nodes));
    return this.write(this.nodes.filter(({ name }) => !kept.has(name)));
  }

  /** One layer and the activations behind it in integers, everything else in float32. */
  only({ nodes }: Layer): OnnxModel {
    const following = nodes.flatMap((node) => this.view.consumersOf(node.output[0]!));
    const activations = following.filter((node) => this.fullPlan.foldedActivations.has(node.input[0]!));
    return this.write([...nodes, ...activations], false);
  }

  /** What a layer returns, behind its activation where that is part of it. */
  outputsOf({ nodes }: Layer): string[] {
    return nodes.map((node) => this.fullPlan.foldedActivations.get(node.output[0]!) ?? node.output[0]!);
  }

  /** Bytes of a model that {@link without} wrote. */
  encode(model: OnnxModel): Uint8Array {
    const own = Object.entries(this.metadata).map(([key, value]) => ({ key, value }));
    const others = (model.metadata_props ?? []).filter(({ key }) => !(key in this.metadata));
    return encodeModel({ ...model, metadata_props: [...others, ...own] });
  }

  private write(nodes: readonly OnnxNode[], hasHalfFloats = this.settings.hasHalfFloats): OnnxModel {
    const plan = planQdq(this.view, namesOf(nodes), this.settings);
    const written = writeQdq(this.view, plan, this.ranges);
    if (hasHalfFloats) return withHalfFloats(written, computesFeatures);
    // The rewrites are for ONNX Runtime's processor kernels.
    return this.settings.hasQuantizedOutputs ? rewriteIntegers(this.view.model, written) : written;
  }
}

function namesOf(nodes: readonly OnnxNode[]): Set<string> {
  return new Set(nodes.map(({ name }) => name));
}

/** First operator set whose DequantizeLinear takes a step for each channel. */
const lowestOpset = 13;

export interface QuantizerOptions extends Pick<CalibrationOptions, 'method' | 'input' | 'onImage'> {
  readonly settings: QdqSettings;
  /** The nodes; by default those of {@link chooseNodes} without a choice. */
  readonly nodes?: NodeChoice;
  /** Added to the metadata of every file. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Chooses the nodes of a detector and measures their ranges over images.
 * @param float  the detector with its constants folded
 * @param file   names it in errors
 * @throws {PlumblineError} PLB_DEPLOY_OPSET_TOO_OLD, PLB_DEPLOY_WEIGHTS_INVALID, PLB_DEPLOY_NOTHING_TO_QUANTIZE, and those of {@link measureRanges}
 */
export async function calibrateQuantizer(
  float: OnnxModel,
  file: string,
  images: AsyncIterable<CalibrationImage>,
  { settings, metadata, nodes: choice, ...calibration }: QuantizerOptions,
): Promise<Quantizer> {
  const opset = toNumber(float.opset_import.find(({ domain }) => domain === '')?.version ?? 0);
  if (opset < lowestOpset) throw new PlumblineError('PLB_DEPLOY_OPSET_TOO_OLD', { file, opset, lowest: lowestOpset });
  const view = new GraphView(withNodeNames(float), file);
  refuseInvalidWeights(view);
  const nodes = chooseNodes(view, choice).filter(
    (node) => !settings.quantizesSkipOnly || isWorthInTensorrt(view, node),
  );
  const plan = planQdq(view, namesOf(nodes), settings);
  if (plan.weighted.size === 0) throw new PlumblineError('PLB_DEPLOY_NOTHING_TO_QUANTIZE', { file });
  const { isSymmetric } = settings.activation;
  const ranges = await measureRanges(float, valuesToMeasure(plan), images, { ...calibration, isSymmetric });
  return new Quantizer(view, nodes, settings, ranges, metadata);
}
