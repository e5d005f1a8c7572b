import { type ErrorReport, type Problem, toErrorReport } from '@plumbline/contract';

export interface ProblemListener {
  raised(problem: Problem): void;
  resolved(problem: Problem): void;
  /** Raised, resolved or reworded. */
  changed(): void;
}

/** The present problems of a line, one per source (camera, broker, disk, ...). */
export class ProblemBoard {
  private readonly present = new Map<string, Problem>();

  constructor(
    private readonly listener: ProblemListener,
    private readonly clock: () => number,
  ) {}

  /** Same source and code again: only the wording is renewed, `sinceMs` stays. */
  raise(source: string, error: unknown): void {
    const report: ErrorReport = toErrorReport(error);
    const before = this.present.get(source);
    if (before?.code === report.code) {
      if (before.message === report.message) return;
      this.present.set(source, { ...before, message: report.message });
      this.listener.changed();
      return;
    }
    if (before) this.listener.resolved(before);
    const problem: Problem = { ...report, source, sinceMs: this.clock() };
    this.present.set(source, problem);
    this.listener.raised(problem);
    this.listener.changed();
  }

  resolve(source: string): void {
    const problem = this.present.get(source);
    if (!problem) return;
    this.present.delete(source);
    this.listener.resolved(problem);
    this.listener.changed();
  }

  has(source: string): boolean {
    return this.present.has(source);
  }

  list(): Problem[] {
    return [...this.present.values()];
  }
}
