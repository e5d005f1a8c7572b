/** Image headers and label files read at the same time: hides the latency of the disk, below the limit on open files. */
const concurrency = 16;

/**
 * `transform` of every item, at most `limit` of them under way; results in the order of the items. After a failure no
 * further item is begun, and those under way are waited for, so that nothing is still at work once the call has ended.
 * @throws what the first `transform` that failed threw
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  transform: (item: T, index: number) => Promise<R>,
  limit = concurrency,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  let next = 0;
  const worker = async () => {
    while (next < items.length && failures.length === 0) {
      const index = next++;
      try {
        results[index] = await transform(items[index] as T, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
  return results;
}
