/** Questions to the file system that are asked at one time: Node's thread pool has four threads. */
const LANES = 16;

/** Runs `action` for each item, LANES at a time, and gives the results in the order of the items. */
export async function inLanes<T, R>(items: Iterable<T>, action: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let index = 0;
  const iterator = items[Symbol.iterator]();
  const lane = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      const place = index++;
      results[place] = await action(next.value);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}
