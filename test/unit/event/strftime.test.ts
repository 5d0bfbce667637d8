import assert from "node:assert/strict";
import { test } from "node:test";
import { strftime, timeFormat } from "../../../src/event/strftime.ts";
import { timeZone, utc } from "../../../src/event/time-zone.ts";

/** 2023-11-14 22:13:20 UTC, a Tuesday. */
const SECONDS = 1_700_000_000;

test("directives, flags and widths are Ruby's", () => {
  const forms: [string, string][] = [
    ["%Y-%m-%dT%H:%M:%S.%NZ", "2023-11-14T22:13:20.123456789Z"], ["%F %T %D %R", "2023-11-14 22:13:20 11/14/23 22:13"],
    ["%L %3N %6N %12N", "123 123 123456 123456789000"], ["%s %j %e %k %l %I %p %P", "1700000000 318 14 22 10 10 PM pm"],
    ["%b %B %a %A %u %w %y", "Nov November Tue Tuesday 2 2 23"], ["%-d/%-m %_H %05d %-l", "14/11 22 00014 10"], ["%% %Q %", "% %Q %"], ["%^a %#p", "TUE pm"],
  ]; // biome-ignore format: a table
  for (const [format, text] of forms) assert.equal(strftime(format, SECONDS, 123_456_789), text);
});

test("the offset moves the wall and shows in %z, %:z and %Z", () => {
  assert.equal(strftime("%H:%M %z %:z %::z", SECONDS, 0, 32_400), "07:13 +0900 +09:00 +09:00:00");
  assert.equal(strftime("%d %H:%M %z", SECONDS, 0, -12_600), "14 18:43 -0330");
  assert.equal(strftime("%Z", SECONDS), "UTC");
});

test("a compiled format follows its zone's summer time", () => {
  const format = timeFormat("%H:%M %z", timeZone("Europe/Berlin") ?? utc);
  assert.equal(format(1_688_212_800), "14:00 +0200");
  assert.equal(format(1_704_110_400), "13:00 +0100");
});
