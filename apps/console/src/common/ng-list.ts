/** How many NG parts the filmstrip keeps: all of them fit on the smallest layout. */
export const NG_LIMIT = 20;

/** Adds a part at the front unless it is there already (the feed repeats the last ones after a reconnect). */
export function addNg<T extends { header: { resultId: string } }>(list: readonly T[], item: T): readonly T[] {
  if (list.some((other) => other.header.resultId === item.header.resultId)) return list;
  return [item, ...list].slice(0, NG_LIMIT);
}

/**
 * The part to select next, newest first.
 * @param selected resultId of the selected part; null or one that has left the list counts as none
 * @param step +1 to the older, -1 to the newer one
 * @returns the resultId; null when the list is empty. At an end the selection stays.
 */
export function stepSelection(ids: readonly string[], selected: string | null, step: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const at = selected === null ? -1 : ids.indexOf(selected);
  if (at < 0) return ids[0]!;
  return ids[Math.min(ids.length - 1, Math.max(0, at + step))]!;
}
