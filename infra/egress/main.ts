/** Entry of `npm run egress`. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { runProgram } from "./gcloud.ts";
import { runEgress } from "./program.ts";

const path = join(process.cwd(), "infra/egress/startup.sh");

process.exitCode = await runEgress(process.argv.slice(2), {
  environment: process.env,
  startupScript: { path, text: readFileSync(path, "utf8") },
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
  runProgram,
  sleep: (milliseconds) => setTimeout(milliseconds),
});
