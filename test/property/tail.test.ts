/** Whatever is written, renamed, refused and stopped: every line arrives once, and those of one path in order. */

import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { BufferOverflowError } from "../../src/errors.ts";
import { TailFixture } from "../unit/input/tail/tail-fixture.ts";

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("write" as const), lines: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("half", "rotate", "pass", "refuse", "accept", "restart") }) },
);

test("every line arrives once", async (context) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, takesRotated) => {
      const tail = new TailFixture(context);
      const options = { path: takesRotated ? "x.log*" : "x.log" };
      const settings = `read_from_head true\nrefresh_interval 2\nread_lines_limit 7\nrotate_wait 2\n`;
      const written: string[] = [];
      let isHalf = false;
      let rotations = 0;
      const writeLine = (end: string) => {
        if (!isHalf) written.push(`line ${written.length}`);
        tail.write("x.log", (isHalf ? "" : written.at(-1)) + end);
        isHalf = end === "";
      };
      writeLine("\n");
      await tail.start(settings, options);
      for (const action of steps) {
        if (action.do === "write") for (let n = 0; n < action.lines; n++) writeLine("\n");
        else if (action.do === "half") writeLine("");
        else if (action.do === "rotate") {
          if (isHalf) writeLine("\n");
          renameSync(tail.path("x.log"), tail.path(`x.log.${++rotations}`));
          writeLine("\n");
        } else if (action.do === "pass") await tail.pass(1);
        else if (action.do === "refuse") tail.plugin.emitter.error = new BufferOverflowError("full");
        else if (action.do === "accept") tail.plugin.emitter.error = undefined;
        else {
          await tail.stop();
          await tail.start(settings, options);
        }
      }
      if (isHalf) writeLine("\n");
      tail.plugin.emitter.error = undefined;
      await tail.until(() => new Set(tail.messages).size >= written.length);
      await tail.pass(5);
      await tail.stop();
      const { messages } = tail;
      assert.deepEqual(takesRotated ? [...messages].sort() : messages, takesRotated ? [...written].sort() : written);
    }),
    { numRuns: Number(process.env.SUIRO_TEST_TAIL_RUNS ?? 15) },
  );
});
