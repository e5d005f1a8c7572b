import type { TrainConfig } from '@plumbline/contract';

/** Factors of each stage's losses in the total; those of the RPN are 1. */
export interface LossWeights {
  readonly classification: readonly number[];
  readonly regression: readonly number[];
}

const equal = [1, 1, 1, 1] as const;
const halving = [1, 0.5, 0.25, 0.125] as const;

/**
 * Weights of a configuration: what its profile gives, unless lambda or stage weights are set.
 * Source: decoupled-rcnn specification section 4.5 (Eq. 8 of the paper; normalisers and stage weights of the released
 * configurations); `cascade` is Cascade R-CNN in mmdetection 2.4.
 */
export function lossWeights({ model, loss }: Pick<TrainConfig, 'model' | 'loss'>): LossWeights {
  const profile = loss.profile ?? (model.kind === 'cascade' ? 'cascade' : 'eq8');
  const preset = {
    eq8: { lambda: model.regressors > 1 ? 0.5 : 1, stages: equal },
    released: { lambda: 0.5, stages: halving },
    'released-voc-n1': { lambda: 1, stages: halving },
    cascade: { lambda: 1, stages: halving },
  }[profile];
  const classification = (loss.stageWeights ?? preset.stages).map((weight) => loss.heads * weight);
  const lambda = loss.lambda ?? preset.lambda;
  return { classification, regression: classification.map((weight) => lambda * weight) };
}
