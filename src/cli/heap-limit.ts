/**
 * When V8 is to collect the whole heap. The limit follows what lives in the heap, which is known after each collection; a
 * percentage alone, which is all that V8 takes, suits one size only.
 */

import { getHeapStatistics, setFlagsFromString } from "node:v8";

/**
 * V8 counts Buffers towards the limit, and sets it close above what lives: 10 MB with few tags, while 100 MB of Buffers
 * pass every second. Then it collected 20 times a second, a third of all CPU; with this limit it is a hundredth. More
 * would be memory for nothing, now that what passes by the megabyte is used again. With 2,000 files 23 MB live, and five
 * times as much would be 115.
 */
const LIMIT_BYTES = 36e6;
/** Of what lives: a large heap is dear to collect, and a small one needs no more. */
const LEAST_PERCENT = 50;
const MOST_PERCENT = 400;
/** Until the first collection has told how much lives. */
const FIRST_PERCENT = 150;

/** Told of an object that nobody holds when the whole heap was collected, and not before. */
const collections = new FinalizationRegistry(followHeap);

/** To be called once, before anything large is loaded. */
export function limitHeap(): void {
  setFlagsFromString("--semi-space-growth-factor=1"); // Room for young objects comes under load: see young-space.ts.
  letGrow(FIRST_PERCENT);
  collections.register({}, undefined);
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
