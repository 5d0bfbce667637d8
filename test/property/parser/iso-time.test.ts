import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { IsoTime } from "../../../src/parser/iso-time.ts";
import { rubyStrptime } from "../../../src/parser/ruby-strptime.ts";
import { strptime } from "../../../src/parser/strptime.ts";
import { createTimeParser } from "../../../src/parser/time-parser.ts";
import { localMoment, type TimeFields, wallTime } from "../../../src/parser/wall-clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const FORMATS = ["%Y-%m-%d", "%F"].flatMap((date) =>
  ["T%H:%M:%S.%L", " %T.%N", "T%T.%N"].flatMap((time) => ["%z", "%:z", "Z", ""].map((end) => `${date}${time}${end}`)),
);

/** Mostly in range. */
const two = (most: number) => fc.integer({ min: 0, max: most }).map((value) => String(value).padStart(2, "0"));
const text = fc
  .record({
    year: fc.oneof(fc.integer({ min: 1970, max: 2105 }), fc.integer({ min: 0, max: 9999 })),
    month: two(13),
    day: two(32),
    blank: fc.constantFrom("T", "T", "T", " "),
    clock: fc.tuple(two(24), two(60), two(61)).map((parts) => parts.join(":")),
    fraction: fc.stringMatching(/^\.\d{1,10}$/),
    end: fc.constantFrom("Z", "Z", "+09:00", "-0330", "", "z", "+09", " UTC", "+9:00"),
  })
  .map(({ year, month, day, blank, clock, fraction, end }) =>
    [String(year).padStart(4, "0"), "-", month, "-", day, blank, clock, fraction, end].join(""),
  );
const change = fc.option(fc.record({ at: fc.nat(30), letter: fc.constantFrom("0", "7", "x", " ", "-") }), { freq: 1 });

test("what is read from the digits is what the format's own directives read", () => {
  let read = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.array(fc.tuple(text, change), { minLength: 1, maxLength: 4 }),
      (format, texts) => {
        const iso = IsoTime.of(format, (wall) => localMoment(wall).seconds);
        assert.ok(iso, format);
        for (const [whole, changed] of texts) {
          const line = changed ? whole.slice(0, changed.at) + changed.letter + whole.slice(changed.at + 1) : whole;
          const bytes = Buffer.from(`<${line}> and more`);
          const time = iso.read(bytes, 1, 1 + line.length);
          if (!time) continue;
          read += 1;
          const fields: TimeFields = {};
          assert.ok((strptime(format) ?? rubyStrptime(format))(line, fields), `${format} does not read ${line}`);
          const { seconds, nanoseconds } = wallTime(fields, 0);
          assert.deepEqual([time.seconds, time.nanoseconds], [seconds, nanoseconds], `${format}: ${line}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(read > 100, `only ${read} texts were read from their digits`);
});

test("formats that read other texts are left to their directives", () => {
  for (const format of ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%N%Z", "%d/%b/%Y:%H:%M:%S.%N %z", "%Y-%m-%d_%T.%N%z"]) {
    assert.equal(
      IsoTime.of(format, (wall) => wall),
      undefined,
      format,
    );
  }
});

test("a usual time, one with another ending and a day that the month does not have are all read", () => {
  const options = { type: "string", fallbacks: [], position: { file: "test.conf", line: 1 } } as const;
  const read = (format: string, given: string, zone: { timezone?: string; isLocal: boolean }) =>
    createTimeParser({ ...options, format, timezone: zone.timezone, isLocal: zone.isLocal }, new ManualClock()).parse(
      given,
    );
  const zoned = "%Y-%m-%dT%H:%M:%S.%N%z";
  assert.equal(read(zoned, "2024-02-29T00:00:00.5+09:00", { isLocal: true }).seconds, 1_709_132_400);
  assert.equal(read(zoned, "2024-02-30T00:00:00.5+09:00", { isLocal: true }).seconds, 1_709_218_800);
  assert.equal(read(zoned, "2024-02-29T00:00:00.5+09:00 and more", { isLocal: true }).seconds, 1_709_132_400);
  const literal = "%Y-%m-%dT%H:%M:%S.%NZ";
  assert.equal(read(literal, "2024-02-29T00:00:00.25Z", { isLocal: false }).seconds, 1_709_164_800);
  assert.equal(read(literal, "2024-02-29T00:00:00.25Z", { isLocal: false }).nanoseconds, 250_000_000);
  const inTokyo = { isLocal: false, timezone: "Asia/Tokyo" };
  assert.equal(read(literal, "2024-02-29T00:00:00.25Z", inTokyo).seconds, 1_709_132_400);
});
