import assert from "node:assert/strict";
import { test } from "node:test";
import { timeZone } from "../../../src/event/time-zone.ts";

test("numeric zones are a fixed offset", () => {
  const cases: [string, number][] = [
    ["+09:00", 32400],
    ["+0530", 19800],
    ["-08", -28800],
    ["+0000", 0],
  ];
  for (const [name, offset] of cases) assert.equal(timeZone(name)?.offsetAt(1700000000), offset, name);
});

test("named zones follow summer time", () => {
  const berlin = timeZone("Europe/Berlin");
  const change = Date.UTC(2023, 9, 29, 1) / 1000;
  assert.deepEqual([berlin?.offsetAt(change - 1), berlin?.offsetAt(change)], [7200, 3600]);
  assert.equal(timeZone("Asia/Kolkata")?.offsetAt(1700000000), 19800);
  assert.equal(timeZone("Etc/UTC")?.offsetAt(1700000000), 0);
});

test("abbreviations and unknown names are no zones", () => {
  for (const name of ["JST", "UTC", "", "Asia/Nowhere", "+9", "local"]) assert.equal(timeZone(name), undefined, name);
});
