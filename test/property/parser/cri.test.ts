import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemClock } from "../../../src/clock.ts";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { createParser } from "../../../src/parser/parser-list.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parseSection } from "../../support/parser-oracle.ts";

const SECTIONS = ["", "time_key at\nkeep_time_key true", "time_key stream", "time_key logtag", "time_key message"];

/** Often the fields of the line before, or nearly so. */
const field = fc.constantFrom("stdout", "stderr", "F", "P", "", "s", "P:x", "l".repeat(40), "l".repeat(70));
const space = fc.constantFrom(" ", " ", " ", "\t", "  ");
const line = fc
  .tuple(
    fc.constantFrom("2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.5+09:00", "2024-01-02T03:04:06.1Z"),
    fc.array(fc.tuple(space, field), { minLength: 1, maxLength: 4 }),
  )
  .map(([time, fields]) => Buffer.from(time + fields.flat().join("")));

for (const section of SECTIONS) {
  test(`a line means the same whatever came before it${section && `: ${section.replace("\n", ", ")}`}`, () => {
    const create = () => {
      const context = { clock: systemClock, logger: new MemoryLog() };
      return createParser(parseSection(`@type cri\n${section}`), context);
    };
    const parsed = (parser: ReturnType<typeof create>, bytes: Buffer) => {
      const writer = new ByteWriter();
      const isTaken = parser.parse(bytes, 0, bytes.length, { writer, size: 0 });
      return isTaken ? writer.take().toString("hex") : undefined;
    };
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const parser = create();
        for (const bytes of lines) assert.equal(parsed(parser, bytes), parsed(create(), bytes), bytes.toString());
      }),
    );
  });
}
