/** Image headers and label files read at the same time: hides the latency of the disk, below the limit on open files. */
const concurrency = 16;

/** `transform` of every item, at most `limit` of them under way; results in the order of the items. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  transform: (item: T, index: number) => Promise<R>,
  limit = concurrency,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await transform(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
