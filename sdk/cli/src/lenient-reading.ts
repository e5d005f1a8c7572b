import type { RowSink } from '@plumbline/data/eval';

/** Number of rows that were left out, by code. */
export type SkippedRows = Readonly<Record<string, number>>;

/** Counts the bad rows of files that are read with --lenient and keeps the first message of each code. */
export class LenientReading {
  readonly skipped: Record<string, number> = {};
  private readonly firstMessages: string[] = [];

  readonly sink: RowSink = (code, describe) => {
    this.skipped[code] = (this.skipped[code] ?? 0) + 1;
    if (this.skipped[code] === 1) this.firstMessages.push(`${code}: ${describe().message}`);
  };

  /** Says on stderr what was left out. */
  warn(): void {
    const counts = Object.entries(this.skipped).map(([code, count]) => `${count} rows left out: ${code}\n`);
    process.stderr.write([...counts, ...this.firstMessages.map((message) => `first: ${message}\n`)].join(''));
  }
}
