import { backboneStages, type ModelInput, type ModelOutputs } from '@plumbline/contract';
import { buildBackbone } from './backbone.js';
import { type Checkpoint, configKey, type Weights } from './checkpoint.js';
import { buildFpn } from './fpn.js';
import type { NetworkImage } from './frame-input.js';
import { GraphBuilder, type Value } from './graph-builder.js';
import { refuseUnsupported } from './refuse-unsupported.js';

/** An exported graph, its size, and what it takes and returns. */
export interface ExportedModel {
  readonly bytes: Uint8Array;
  readonly nodes: number;
  readonly opset: number;
  readonly target: 'portable' | 'tensorrt';
  readonly input: ModelInput;
  readonly outputs: ModelOutputs;
}

/** What a target adds to backbone and pyramid. */
export interface TargetGraph {
  readonly target: ExportedModel['target'];
  /** Declares the graph's inputs. */
  network(b: GraphBuilder): NetworkImage;
  /** Everything behind the pyramid P2..P6, with the graph's outputs. */
  detect(b: GraphBuilder, weights: Weights, pyramid: readonly Value[], network: NetworkImage): void;
  readonly input: ModelInput;
  readonly outputs: ModelOutputs;
}

/**
 * Backbone and pyramid of a checkpoint between the parts of a target. The file says in its metadata what model it is.
 * @throws {PlumblineError} PLB_DEPLOY_CHECKPOINT_TENSOR, PLB_DEPLOY_MODEL_UNSUPPORTED
 */
export function buildDetector(checkpoint: Checkpoint, opset: number, target: TargetGraph): ExportedModel {
  refuseUnsupported(checkpoint);
  const { config, weights } = checkpoint;
  const { backbone, fpn } = config.model;
  const b = new GraphBuilder('plumbline-detector', opset);
  const network = target.network(b);
  const inverseStd = config.normalization.std.map((value) => 1 / value);
  const stages = buildBackbone(b, weights, backbone, network.image, inverseStd);
  const channels = backboneStages(backbone).map(({ outputs }) => outputs);
  const pyramid = buildFpn(b, weights, stages, channels, fpn.channels);
  target.detect(b, weights, pyramid, network);
  const { input, outputs } = target;
  const bytes = b.finish('0.1.0', metadataOf(checkpoint, target));
  return { bytes, nodes: b.nodeCount, opset, target: target.target, input, outputs };
}

/**
 * Everything that a reader of the file alone needs: classes, thresholds, preprocessing, where it comes from, and the resolved
 * configuration, with which the file can be exported again for another target.
 */
function metadataOf({ config, classes, runId, step }: Checkpoint, { target, input, outputs }: TargetGraph) {
  return {
    'plumbline.target': target,
    'plumbline.runId': runId,
    'plumbline.step': String(step),
    'plumbline.classes': JSON.stringify(classes),
    'plumbline.scoreThreshold': String(config.test.scoreThreshold),
    'plumbline.input': JSON.stringify(input),
    'plumbline.outputs': JSON.stringify(outputs),
    // What the graph does with pixels, for readers who ask.
    'plumbline.normalization': JSON.stringify(config.normalization),
    [configKey]: JSON.stringify(config),
  };
}

/** Outputs `boxes` and `scores` of regions, for the runtime to choose from as the configuration says. */
export function regionOutputs({ nmsIou, maxDetections, softNms }: Checkpoint['config']['test']): ModelOutputs {
  const suppression = { nmsIou, maxDetections, ...(softNms ? { softNms: { minScore: softNms.minScore } } : {}) };
  return { kind: 'regions', boxes: 'boxes', scores: 'scores', ...suppression };
}
