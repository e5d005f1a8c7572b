import { existsSync, readFileSync } from 'node:fs';
import type { StepMetrics } from '../train/index.js';
import type { PageStep, PageValidation } from './messages.js';

/** Points of a curve that a new visitor gets; more cannot be told apart on a screen. */
const mostPoints = 3000;

/** Steps and validations of a run, those of earlier starts included. */
export class RunHistory {
  private readonly steps: PageStep[] = [];
  readonly validations: PageValidation[] = [];

  /** @param metricsFile of a run that goes on */
  read(metricsFile: string): void {
    if (!existsSync(metricsFile)) return;
    for (const line of readFileSync(metricsFile, 'utf8').split('\n').filter(Boolean)) {
      const entry = JSON.parse(line) as { kind?: string };
      if (entry.kind === 'validation') this.validations.push(entry as unknown as PageValidation);
      else this.addStep(entry as unknown as StepMetrics);
    }
  }

  addStep({ meanIou, positives, ...metrics }: StepMetrics): PageStep {
    const { step, epoch, learningRate, loss, gradientNorm, imagesPerSecond, dataSeconds } = metrics;
    const ious = meanIou.map((iou, k) => (positives[k]! > 0 ? iou : null));
    const shown = { step, epoch, learningRate, loss, gradientNorm, meanIou: ious, imagesPerSecond, dataSeconds };
    this.steps.push(shown);
    return shown;
  }

  /** All steps, neighbours averaged where they are too many. */
  thinnedSteps(most = mostPoints): PageStep[] {
    const size = Math.ceil(this.steps.length / most);
    if (size <= 1) return [...this.steps];
    const groups = Array.from({ length: Math.ceil(this.steps.length / size) }, (_, i) =>
      this.steps.slice(i * size, (i + 1) * size),
    );
    return groups.map(meanStep);
  }
}

/** At the place of the last one. */
function meanStep(steps: readonly PageStep[]): PageStep {
  const last = steps.at(-1)!;
  const mean = (of: (step: PageStep) => number) => meanOf(steps.map(of))!;
  return {
    ...last,
    loss: Object.fromEntries(Object.keys(last.loss).map((name) => [name, mean((step) => step.loss[name]!)])),
    gradientNorm: mean((step) => step.gradientNorm),
    meanIou: last.meanIou.map((_, k) => meanOf(steps.map((step) => step.meanIou[k]!))),
    imagesPerSecond: mean((step) => step.imagesPerSecond),
    dataSeconds: mean((step) => step.dataSeconds),
  };
}

/** null where there is no value. */
function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}
