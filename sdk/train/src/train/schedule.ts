import type { TrainConfig } from '@plumbline/contract';

/**
 * Learning rate of a 0-based step: linear warm-up from a thousandth, then constant or cosine to zero.
 * Source of the warm-up: mmdetection 2.4, ratio 0.001.
 */
export function learningRateAt(step: number, totalSteps: number, schedule: TrainConfig['schedule']): number {
  const { learningRate, warmupSteps, decay } = schedule;
  const base = decay === 'cosine' ? learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / totalSteps)) : learningRate;
  return step < warmupSteps ? base * (1 - (1 - step / warmupSteps) * 0.999) : base;
}
