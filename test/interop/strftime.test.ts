import assert from "node:assert/strict";
import { test } from "node:test";
import { strftime } from "../../src/event/strftime.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { askRuby } from "../support/ruby.ts";

const formats = [
  "%Y-%m-%d %H:%M:%S.%N %z", "%Y%m%dT%H%M%S%:z", "%L %3L %6L %1L %N %3N %6N %9N %12N", "%z %:z %::z %10z", "%s %15s", "%j %-j %e %-e %0e %k %l %-l %I",
  "%p %P %#p %^p", "%b %B %h %a %A %^a %^B %#a %10A %010A %-10A", "%y %C %-y %Y %10Y %-m %_m %_H %-H %3S %010d", "%F %T %D %R %r %X %x %c %v", "%u %w %G %V %U %W",
  "%% %n %t", "literal {} ${tag} %Q", "",
]; // biome-ignore format: a list
const times = [
  0, 1, 86399, 951782400, 1_000_000_000, 1_450_000_000, 1_451_606_399, 1_451_606_400, 1_700_000_000, 1_709_164_800,
  4_102_444_799,
];

test("times read as Ruby writes them", { skip: withoutFluentd }, () => {
  const cases = formats.flatMap((format) =>
    times.flatMap((seconds) => [0, 32_400, -12_600, 20_700].map((offset) => ({ format, seconds, offset }))),
  );
  const expected: string[] = askRuby(
    `output = input.map { |c|
       time = Time.at(c["seconds"], 123456789, :nsec).getlocal(c["offset"])
       time.strftime(c["format"]) }`,
    cases,
  );
  for (const [index, { format, seconds, offset }] of cases.entries()) {
    assert.equal(strftime(format, seconds, 123_456_789, offset), expected[index], `${format} at ${seconds} ${offset}`);
  }
});
