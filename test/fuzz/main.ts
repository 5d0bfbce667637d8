/** `npm run fuzz [-- TARGET… --seconds N --seed N]`: fuzzes each target in turn; 60 s each unless told otherwise. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FuzzFailure, fuzz } from "./fuzzer.ts";
import { targets } from "./targets.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" }, corpus: { type: "string" } },
});
const folder = values.corpus ?? join(fileURLToPath(new URL("../../..", import.meta.url)), "test", "fuzz", "corpus");
const seed = values.seed === undefined ? Date.now() & 0xffffffff : Number(values.seed);
const wanted = targets.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (wanted.length === 0) {
  console.error(`no such target; there are ${targets.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

for (const target of wanted) {
  try {
    const { runs, blocks, kept } = await fuzz(target, folder, Number(values.seconds), seed);
    console.log(`${target.name}: ${runs} inputs, ${blocks} blocks of code, ${kept} kept (seed ${seed})`);
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    const path = `fuzz-failure-${target.name}`;
    writeFileSync(path, error.input);
    console.error(`${error.message}\nwritten to ${path} (seed ${seed})`);
    process.exitCode = 1;
  }
}
