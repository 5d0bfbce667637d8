/** A short soak; `npm run soak` is the long one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { planFaults } from "../soak/fault-plan.ts";
import { ChildProgram } from "../support/child-program.ts";

const program = fileURLToPath(new URL("../soak/main.js", import.meta.url));

test("ten faults, one after the other, lose nothing", async (context) => {
  const soak = ChildProgram.start(process.execPath, [program, "--faults", "10", "--seed", "6"]);
  context.after(() => soak.stop());
  assert.equal(await soak.exited, 0, soak.output);
  context.diagnostic(soak.output.trim().split("\n").slice(-3).join("\n"));
});

test("the plan of a seed is the same each time, and another seed's is another", () => {
  assert.deepEqual(planFaults(7, 40), planFaults(7, 40));
  assert.notDeepEqual(planFaults(7, 40), planFaults(8, 40));
});
