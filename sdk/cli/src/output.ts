/** Writes the one JSON document of a `--json` command. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Progress of long work on stderr: a redrawn line on a terminal, a plain line every few seconds otherwise. */
export class Progress {
  private readonly startedMs = Date.now();
  private lastMs = 0;

  constructor(
    private readonly label: string,
    private readonly total: number,
    private readonly unit: string,
    /** What was done before: a resumed run's rate counts only its own work. */
    private readonly alreadyDone = 0,
  ) {}

  update(done: number, detail = ''): void {
    const now = Date.now();
    const isTerminal = process.stderr.isTTY === true;
    if (done < this.total && now - this.lastMs < (isTerminal ? 100 : 5000)) return;
    if (done > this.alreadyDone) this.lastMs = now; // a line without a rate is followed by one with it
    const seconds = Math.max(0.001, (now - this.startedMs) / 1000);
    const rate = (done - this.alreadyDone) / seconds;
    const etaSeconds = rate > 0 ? Math.max(0, (this.total - done) / rate) : 0;
    const percent = this.total > 0 ? ((100 * done) / this.total).toFixed(0) : '100';
    // Nothing is done yet of what the rate counts: there is none.
    const speed = done > this.alreadyDone ? ` ${rate.toFixed(1)}/s ETA ${formatDuration(etaSeconds)}` : '';
    const text = `${this.label} ${done}/${this.total} ${this.unit} (${percent} %)${speed}${detail ? ` ${detail}` : ''}`;
    process.stderr.write(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
    if (isTerminal && done >= this.total) process.stderr.write('\n');
  }
}

/** `2026-01-31 09:30 UTC` */
export function utcMinute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** 75 s -> "1:15", 3700 s -> "1:01:40". */
export function formatDuration(totalSeconds: number): string {
  const s = Math.round(totalSeconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(s / 60) % 60;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}
