import { formatDuration } from './output.js';

/** Cells of the bar. */
const barCells = 20;
/** Between two lines where stderr is no terminal. */
const lineEveryMs = 10_000;
/** Between two drawings on a terminal, so that the clock goes on while nothing is reported. */
const drawEveryMs = 500;

/**
 * Progress of work that another program does, on stderr: its stage, the time so far and a bar once the total is known. On a
 * terminal one line is redrawn, and a block runs along the bar while the total is unknown; elsewhere a plain line comes with
 * every stage and every ten seconds.
 */
export class StageProgress {
  private readonly startedMs = Date.now();
  private readonly timer: NodeJS.Timeout;
  private stage = '';
  private done = 0;
  private total: number | undefined;
  private lastLineMs = 0;
  private drawings = 0;

  constructor(private readonly label: string) {
    this.timer = setInterval(() => this.show(false), process.stderr.isTTY === true ? drawEveryMs : lineEveryMs);
  }

  /** @param total undefined while it is unknown */
  update(stage: string, done = 0, total?: number): void {
    const isNewStage = stage !== this.stage;
    Object.assign(this, { stage, done, total });
    if (isNewStage || process.stderr.isTTY === true) this.show(isNewStage);
  }

  end(): void {
    clearInterval(this.timer);
    if (process.stderr.isTTY === true && this.drawings > 0) process.stderr.write('\n');
  }

  private show(isNewStage: boolean): void {
    const now = Date.now();
    const isTerminal = process.stderr.isTTY === true;
    if (!isTerminal && !isNewStage && now - this.lastLineMs < lineEveryMs) return;
    this.lastLineMs = now;
    const counts = this.total === undefined ? '' : ` ${this.done}/${this.total}`;
    const elapsed = formatDuration((now - this.startedMs) / 1000);
    const text = `${this.label} ${isTerminal ? `${this.bar()} ` : ''}${this.stage}${counts} ${elapsed}`;
    process.stderr.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    this.drawings++;
  }

  private bar(): string {
    if (this.total === undefined) {
      const at = this.drawings % barCells;
      return `[${'-'.repeat(at)}#${'-'.repeat(barCells - 1 - at)}]`;
    }
    const full = Math.round((barCells * this.done) / Math.max(1, this.total));
    return `[${'#'.repeat(full)}${'-'.repeat(barCells - full)}]`;
  }
}
