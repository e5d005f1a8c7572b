/** What trtexec is at. */
export type TrtexecStage = 'start' | 'parse' | 'optimize' | 'kernels' | 'finish';

/** How far a build is. */
export interface TrtexecProgress {
  readonly stage: TrtexecStage;
  /** Layers whose kernels were or are being chosen. */
  readonly done: number;
  /** Layers of the optimized graph; undefined while the output has not told, and progress is then indeterminate. */
  readonly total: number | undefined;
}

/** Lines kept for an error. */
const keptErrors = 6;
const keptOthers = 12;

/**
 * Follows what trtexec prints. Its output is no interface: a line that is not known changes nothing, and a version that
 * prints none of the known ones shows progress without a bar. The formats are those of public logs of TensorRT 8.4 to 10.16
 * (trtexec-output.test.ts names each); none was recorded on hardware by this project.
 */
export class TrtexecOutput {
  private stage: TrtexecStage = 'start';
  private done = 0;
  private layers: number | undefined;
  private readonly errors: string[] = [];
  private readonly others: string[] = [];
  private verdict: 'PASSED' | 'FAILED' | undefined;

  get progress(): TrtexecProgress {
    // A layer may be timed more than once, as when a graph is cut in parts: the bar then waits at its end.
    const total = this.layers === undefined ? undefined : Math.max(this.layers, this.done);
    return { stage: this.stage, done: this.done, total };
  }

  /** Whether trtexec has said itself that it failed. */
  get hasFailed(): boolean {
    return this.verdict === 'FAILED';
  }

  /** trtexec's own words: its error lines, or its last lines where it printed no error. */
  get errorText(): string {
    const lines = this.errors.length > 0 ? this.errors : this.others;
    return lines.length > 0 ? lines.join('\n') : 'it printed nothing';
  }

  /** @returns whether the progress changed */
  line(raw: string): boolean {
    const before = this.progress;
    this.read(raw.trimEnd());
    const { stage, done, total } = this.progress;
    return stage !== before.stage || done !== before.done || total !== before.total;
  }

  private read(line: string): void {
    const verdict = /^&&&& (PASSED|FAILED) TensorRT\.trtexec/.exec(line)?.[1];
    if (verdict) this.verdict = verdict as 'PASSED' | 'FAILED';
    // "[04/07/2025-23:59:46] [I] [TRT] text"; the samples' own lines lack [TRT], and a line may lack all of it.
    const [, severity = '', text = line] = /^(?:\[[^\]]*\] )?\[([VIWEF])\] (?:\[TRT\] )?(.*)$/.exec(line) ?? [];
    if (severity === 'E' || severity === 'F') keep(this.errors, text, keptErrors);
    if (severity !== 'V' && text.trim() !== '') keep(this.others, line, keptOthers);
    if (/^Start(?:ing|ed)? parsing network model/.test(text)) this.stage = 'parse';
    else if (/^Finish(?:ed)? parsing network model/.test(text)) this.stage = 'optimize';
    else if (/^=+ Computing costs for/.test(text)) {
      this.stage = 'kernels';
      this.done++;
    } else if (/^Engine generation completed in|^Engine built in/.test(text)) this.stage = 'finish';
    else if (this.stage === 'optimize') {
      // "After vertical fusions: 84 layers": the last one before kernels are chosen counts.
      const layers = /^After [a-z -]+: (\d+) layers$/i.exec(text)?.[1];
      if (layers) this.layers = Number(layers);
    }
  }
}

/** The first error tells the cause and the last ones what follows from it, so the middle is dropped. */
function keep(lines: string[], line: string, most: number): void {
  if (lines.at(-1) === line) return;
  lines.push(line);
  if (lines.length > most) lines.splice(1, 1);
}
