import type { TrainConfig } from '@plumbline/contract';

/**
 * Learning rate of a 0-based step: linear warm-up on top of a constant, a cosine to zero, or tenths after given epochs.
 * Source of warm-up and steps: mmdetection 2.4 (ratio 0.001; a step counts from the first iteration of its epoch).
 */
export function learningRateAt(step: number, totalSteps: number, schedule: TrainConfig['schedule']): number {
  const { warmupSteps, warmupRatio } = schedule;
  const base = decayedRate(step, totalSteps, schedule);
  return step < warmupSteps ? base * (1 - (1 - step / warmupSteps) * (1 - warmupRatio)) : base;
}

function decayedRate(step: number, totalSteps: number, schedule: TrainConfig['schedule']): number {
  const { learningRate, decay, decayEpochs, epochs } = schedule;
  if (decay === 'cosine') return learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / totalSteps));
  if (decay === 'constant') return learningRate;
  const completedEpochs = Math.floor((step * epochs) / totalSteps);
  return learningRate * 0.1 ** decayEpochs.filter((epoch) => epoch <= completedEpochs).length;
}
