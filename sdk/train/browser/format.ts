/** Three significant digits, without an exponent where that is readable. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  if (magnitude < 1e-4) return value.toExponential(1);
  return magnitude >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function duration(totalSeconds: number): string {
  const seconds = Math.round(totalSeconds);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** Finds the element that the page's document has under this id. */
export function byId<Kind extends HTMLElement>(id: string): Kind {
  return document.getElementById(id) as Kind;
}
