import { PlumblineError } from '@plumbline/contract';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * "20s" -> 20000, "500ms", "1.5m", "2h".
 * @throws {PlumblineError} PLB_CLI_USAGE
 */
export function parseDurationMs(text: string): number {
  const match = text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/);
  const valueMs = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : Number.NaN;
  if (!(valueMs > 0 && valueMs <= 2 ** 31 - 1)) {
    throw new PlumblineError('PLB_CLI_USAGE', {
      problem: `"${text}" is not a duration`,
      accepted: 'a number with ms, s, m or h, such as 20s; at most 24 days',
    });
  }
  return Math.round(valueMs);
}
