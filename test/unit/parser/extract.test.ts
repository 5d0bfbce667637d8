import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import { extraction, extractTable } from "../../../src/parser/extract.ts";
import { configSection } from "../../support/config-section.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("tag and time come from the record, which loses what is not kept", () => {
  const config = configSection(extractTable, "", { tag_key: "t", time_key: "at", keep_time_key: "true" });
  const found = extraction(config, new ManualClock())?.(encode({ t: "a.b", at: 5.5, x: 1 }), 0);
  assert.equal(found?.tag, "a.b");
  assert.deepEqual([found?.time?.seconds, found?.time?.nanoseconds], [5, 500_000_000]);
  assert.deepEqual(found?.removed, ["t"]);
});

test("a section that names no field extracts nothing", () => {
  assert.equal(extraction(configSection(extractTable, "", {}), new ManualClock()), undefined);
});
