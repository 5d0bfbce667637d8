#!/usr/bin/env node
/** The process edge: arguments in, exit code out. */

import { limitHeap } from "./cli/heap-limit.ts";

limitHeap();
const { main } = await import("./cli/program.ts");
process.exit(await main(process.argv.slice(2)));
