/**
 * 95 % interval of a share, which stays inside 0..1 and is honest for few samples and for 0 or all of them.
 * @returns null when there is no sample
 * Source: Wilson 1927 (score interval), z = 1.959964.
 */
export function wilsonInterval(hits: number, total: number): { low: number; high: number } | null {
  if (total === 0) return null;
  const z2 = 1.959964 ** 2;
  const p = hits / total;
  const centre = (p + z2 / (2 * total)) / (1 + z2 / total);
  const half = (Math.sqrt(z2) / (1 + z2 / total)) * Math.sqrt((p * (1 - p)) / total + z2 / (4 * total * total));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
