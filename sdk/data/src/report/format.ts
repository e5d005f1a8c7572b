/** Figures as the report prints them: a dash where there is none, thousands with a comma, the unit after a space. */

export const noFigure = '–';

/** 0..1 as percent; null and COCO's -1 mean that there is no figure. */
export function percent(share: number | null, digits = 1): string {
  return share === null || share < 0 ? noFigure : `${(100 * share).toFixed(digits)} %`;
}

/** Difference of two shares in percentage points, with sign. */
export function points(from: number | null, to: number | null): string {
  if (from === null || to === null || from < 0 || to < 0) return noFigure;
  return signed(100 * (to - from), 1);
}

/** A number with its sign; what rounds to zero has none. */
export function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
}

export function decimal(value: number | null, digits = 2): string {
  return value === null ? noFigure : value.toFixed(digits);
}

/** A score or threshold: two digits, more only if it has them. */
export function scoreText(score: number): string {
  const two = score.toFixed(2);
  return Math.abs(Number(two) - score) < 1e-9 ? two : String(Number(score.toFixed(4)));
}

/** A count per 100 parts, one digit. */
export function perHundred(count: number): string {
  return count.toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

export function whole(count: number): string {
  return count.toLocaleString('en-US');
}

/** 1 part, 2 parts. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
