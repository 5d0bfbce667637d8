#!/usr/bin/env node
/** The process edge: arguments in, exit code out. */

import { main } from "./cli/program.ts";

process.exit(await main(process.argv.slice(2)));
