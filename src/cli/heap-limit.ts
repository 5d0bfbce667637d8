/**
 * When V8 is to collect the whole heap, and how much room young objects have. The limit follows what lives in the heap,
 * which is known after each collection; a percentage alone, which is all that V8 takes, suits one size only.
 */

import { PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from "node:v8";

/**
 * V8 counts Buffers towards the limit, and sets it close above what lives: 10 MB with few tags, while 100 MB of Buffers
 * pass every second. Then it collected 20 times a second, a third of all CPU; with a limit of 40 MB it collects four
 * times as often as with one of 50 (packed-1000). With 2,000 files 23 MB live, and five times as much would be 115.
 */
const LIMIT_BYTES = 50e6;
/** Of what lives: a large heap is dear to collect, and a small one needs no more. */
const LEAST_PERCENT = 50;
const MOST_PERCENT = 400;
/** Until the first collection has told how much lives. */
const FIRST_PERCENT = 150;
/**
 * Room for young objects. What belongs to a message lives until its ack, a few milliseconds with a sync: in 1 MB, which
 * V8 begins with, that outlived two collections and was taken for old. 8 MB spare a tenth of the CPU of small messages, 4 MB
 * half of that, and 16 MB, which V8 would take, no more.
 */
const YOUNG_BYTES = 8 * 1024 * 1024;
/** Collections that follow each other so soon come from load; an idle agent has one in minutes, and stays small. */
const BUSY_MS = 500;

/** Told of an object that nobody holds when the whole heap was collected, and not before. */
const collections = new FinalizationRegistry(followHeap);

/** To be called once, before anything large is loaded. */
export function limitHeap(): void {
  letYoungGrow(false);
  letGrow(FIRST_PERCENT);
  collections.register({}, undefined);
}

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

function followHeap(): void {
  const room = LIMIT_BYTES / getHeapStatistics().used_heap_size - 1;
  letGrow(Math.min(MOST_PERCENT, Math.max(LEAST_PERCENT, Math.round(room * 100))));
  collections.register({}, undefined);
}

/** V8 reads it at the end of its next collection. */
function letGrow(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
