/**
 * How much room V8 has for young objects. Less than it would take, for most of what passes here dies young, and more than
 * it begins with, but only under load: an idle agent stays small.
 */

import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/**
 * What belongs to a message lives until its ack, a few milliseconds with a sync: in 1 MB, which V8 begins with, that
 * outlived two collections and was taken for old. 8 MB spare a tenth of the CPU of small messages, 4 MB half of that, and
 * 16 MB, which V8 would take, no more.
 */
const YOUNG_BYTES = 8 * 1024 * 1024;
/** Collections that follow each other so soon come from load; an idle agent has one in minutes, and stays small. */
const BUSY_MS = 500;

/**
 * To be called once what a start leaves behind is there: young objects get their room while there is load. V8 takes it
 * back, down to the 1 MB that it began with, when there is none.
 */
export function makeRoomForYoung(): void {
  let lastAt = Number.NEGATIVE_INFINITY;
  const observer = new PerformanceObserver((collected) => {
    for (const { startTime } of collected.getEntries()) {
      letYoungGrow(startTime - lastAt < BUSY_MS && youngBytes() < YOUNG_BYTES);
      lastAt = startTime;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.space_size ?? YOUNG_BYTES;
}

/** V8 doubles the room when as much as it holds has survived. */
function letYoungGrow(isAllowed: boolean): void {
  setFlagsFromString(`--semi-space-growth-factor=${isAllowed ? 2 : 1}`);
}
