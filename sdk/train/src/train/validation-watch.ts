import type { TrainConfig } from '@plumbline/contract';

/** What a run remembers of its validations. */
export interface ValidationState {
  readonly best: { readonly step: number; readonly ap: number } | null;
  /** Validations since the best one. */
  readonly sinceBest: number;
}

/** Decides when to validate, which weights are the best and when there is no use in going on. */
export class ValidationWatch {
  constructor(
    private readonly settings: TrainConfig['validation'],
    /** With gradient accumulation not a whole number. */
    private readonly stepsPerEpoch: number,
    private readonly totalSteps: number,
    private now: ValidationState = { best: null, sinceBest: 0 },
  ) {}

  get state(): ValidationState {
    return this.now;
  }

  /** @param step steps done */
  isDue(step: number): boolean {
    const { everyEpochs } = this.settings;
    if (everyEpochs === null) return false;
    const periods = (steps: number) => Math.floor(steps / (everyEpochs * this.stepsPerEpoch) + 1e-9);
    return periods(step) > periods(step - 1) || step === this.totalSteps;
  }

  /** @param ap 0..1 @returns whether it is the best one; an equal one is not */
  record(step: number, ap: number): boolean {
    const isBest = this.now.best === null || ap > this.now.best.ap;
    this.now = isBest ? { best: { step, ap }, sinceBest: 0 } : { ...this.now, sinceBest: this.now.sinceBest + 1 };
    return isBest;
  }

  /** True when `patience` validations in a row brought nothing. */
  get isOver(): boolean {
    const { patience } = this.settings;
    return patience !== null && this.now.sinceBest >= patience;
  }
}
