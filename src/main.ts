#!/usr/bin/env node
/** The process edge: arguments in, exit code out. */

import { setFlagsFromString } from "node:v8";
import { main } from "./cli/program.ts";

// V8 counts Buffers towards the limit at which it collects the whole heap, and sets that limit close above the heap.
// Ours is about 10 MB, while 100 MB of Buffers pass every second: it collected 20 times a second, a third of all CPU.
// A limit of five times the heap leaves Buffers to the cheap collection of young objects (packed-1000: 1.22 to 0.85 µs).
setFlagsFromString("--heap-growing-percent=400");

process.exit(await main(process.argv.slice(2)));
