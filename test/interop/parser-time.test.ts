/** Times are read as fluentd reads them: strptime's formats, zones, numbers, fallbacks and guesses. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutFluentd } from "../support/fluentd.ts";
import { fluentdAnswers, type ParserCase, suiroAnswers } from "../support/parser-oracle.ts";

const ZONE = "America/New_York";
process.env.TZ = ZONE;

/** Formats, each with texts that it may or may not read. */
const FORMATS: Record<string, readonly string[]> = {
  "%Y-%m-%dT%H:%M:%S.%L%z": ["2024-01-02T03:04:05.123Z", "2024-01-02T03:04:05.1234567899Z", "2024-01-02T03:04:05Z", "2024-07-02T03:04:05.5-0700"],
  "%Y-%m-%dT%H:%M:%S.%N%z": ["2024-01-02T03:04:05.123456789Z", "2024-01-02T03:04:05.1234567899Z", "2024-01-02T03:04:05.1+09", "2024-01-02T03:04:05.1+9"],
  "%Y-%m-%dT%H:%M:%S.%NZ": ["2024-01-02T03:04:05.12Z", "2024-07-02T03:04:05.12Z junk", "2024-01-02T03:04:05.12", "2024-01-02T03:04:05Z"],
  "%Y-%m-%dT%H:%M:%S.%N%:z": ["2024-01-02T03:04:05.12+09:00", "2024-01-02T03:04:05.12Z", "2024-01-02T03:04:05.12"],
  "%Y-%m-%dT%H:%M:%SZ": ["2024-01-02T03:04:05Z", "2024-03-10T02:30:00Z", "2024-11-03T01:30:00Z", "2024-03-10T03:00:00Z"],
  "%Y-%m-%d %H:%M:%S": ["2024-01-02 03:04:05", "2024-1-2 3:4:5", "2024-01-02  03:04:05", "2024-01-0203:04:05", "2024-02-30 03:04:05", "2024-12-31 23:59:60", "2024-01-02 24:00:00", "2024-00-02 03:04:05"],
  "%Y-%m-%d %H:%M:%S.%3N": ["2024-01-02 03:04:05.123", "2024-01-02 03:04:05.%3N"],
  "%Y-%m-%d %H:%M:%S,%L": ["2024-01-02 03:04:05,123", "2024-01-02 03:04:05,1", "2024-01-02 03:04:05"],
  "%Y-%m-%d %H:%M:%S %Z": ["2024-01-02 03:04:05 UTC", "2024-01-02 03:04:05 EST", "2024-01-02 03:04:05 JST", "2024-01-02 03:04:05 +0900", "2024-01-02 03:04:05 A", "2024-01-02 03:04:05"],
  "%d/%b/%Y:%H:%M:%S %z": ["10/Oct/2000:13:55:36 -0700", "10/oct/2000:13:55:36 -07:00", "1/October/2000:13:55:36 +0000", "10/Foo/2000:13:55:36 -0700", "10/Oct/2000:13:55:36 EST"],
  "%b %d %H:%M:%S": ["Jan 02 03:04:05", "Jan  2 03:04:05", "Dec 31 23:59:59", "Feb 30 03:04:05", "Jan 2"],
  "%b %e %H:%M:%S": ["Jan  2 03:04:05", "Jan 12 03:04:05"],
  "%m%d %H:%M:%S.%N": ["0102 03:04:05.123456", "1302 03:04:05.1", "0102 03:04:05"],
  "%a %b %e %H:%M:%S %Y": ["Tue Jan  2 03:04:05 2024", "tuesday January 2 03:04:05 2024", "xxx Jan 2 03:04:05 2024"],
  "%A, %d %B %Y %I:%M:%S %p": ["Tuesday, 02 January 2024 03:04:05 PM", "Tuesday, 2 January 2024 12:04:05 am", "Tuesday, 2 January 2024 13:04:05 am"],
  "%a, %d %b %Y %T %z": ["Tue, 02 Jan 2024 03:04:05 +0100", "Tue, 02 Jan 2024 03:04:05 GMT"],
  "%s": ["1700000000", "-5", "x", "1700000000.5"],
  "%s.%L": ["1700000000.25", "1700000000"],
  "%s.%N": ["1700000000.123456789"],
  "%Q": ["1700000000123", "1700000000"],
  "%Y%m%d%H%M%S": ["20240102030405", "2024010203040"],
  "%Y%m%d%H%M%S%L": ["20240102030405123", "202401020304051"],
  "%y%m%d %H%M": ["240102 0304", "700102 0304"],
  "%F %T": ["2024-01-02 03:04:05", "12024-01-02 03:04:05"],
  "%D %R": ["01/02/24 03:04"],
  "%c": ["Tue Jan  2 03:04:05 2024"],
  "%j %Y": ["100 2024", "366 2023"],
  "%Y-%j": ["2024-060"],
  "%H:%M": ["10:20"],
  "%k:%M %d.%m.%Y": [" 3:04 02.01.2024", "13:04 2.1.2024"],
  "%C%y-%m-%d": ["2024-01-02"],
  "%h %d %Y": ["Jan 02 2024"],
  "%%%Y": ["%2024", "2024"],
  "%n%Y%t%m": [" 2024 01"],
  "%iso8601": ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456789+09:00", "2024-01-02T03:04:05", "2024-07-02T03:04:05", "2024-01-02", "2024-01-02T03:04Z", "x", "2024-13-02T03:04:05Z", "2024-01-02T03:04:05+0900"],
}; // biome-ignore format: a table

const zones = [
  "",
  "utc true",
  "localtime false",
  "timezone +09:00",
  "timezone Asia/Tokyo",
  "timezone Europe/Berlin",
  "timezone -03",
];

const formatted: ParserCase[] = Object.entries(FORMATS).flatMap(([format, texts]) =>
  zones.map((zone) => ({
    parse: `@type regexp\nexpression /^(?<time>.*)$/\ntime_format "${format}"\n${zone}`,
    texts,
  })),
);

const numbers: ParserCase[] = ["float", "unixtime", "string"].map((type) => ({
  parse: `@type json\ntime_type ${type}`,
  texts: [
    "1700000000",
    '"1700000000"',
    "1.5",
    '"1.5"',
    '"1.123456789012"',
    '"x"',
    '"1_000"',
    "-1.5",
    "1e3",
    "1.5e15",
    '""',
    "17000000000",
    '"-5"',
  ].map((value) => `{"time":${value}}`),
}));

const mixed: ParserCase[] = [
  "time_format %iso8601\ntime_format_fallbacks unixtime",
  "time_format_fallbacks %iso8601, unixtime",
  "time_format %Y-%m\ntime_format_fallbacks %m/%Y,float\ntimezone +09:00",
  "time_format unixtime\ntime_format_fallbacks %Y-%m-%d",
].map((options) => ({
  parse: `@type json\ntime_type mixed\n${options}`,
  texts: [
    '"2024-01-02T03:04:05Z"',
    '"1700000000"',
    "1700000000",
    '"1700000000.5"',
    '"x"',
    '"2024"',
    '"03/2024"',
    '"2024-01-02"',
    "1.5",
  ].map((value) => `{"time":${value}}`),
}));

/** Numbers only: as a text without a format these are dates of a kind. */
const oddNumbers: ParserCase[] = ["float", "unixtime"].map((type) => ({
  parse: `@type json\ntime_type ${type}`,
  texts: ['{"time":"1.5.6"}', '{"time":" 12"}'],
}));

const guessed: ParserCase = {
  parse: "@type regexp\nexpression /^(?<time>.*)$/",
  texts: [
    "2024-01-02 03:04:05", "2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123456789+09:00", "2024-01-02 03:04:05 +0900", "2024-01-02 03:04:05 UTC",
    "2024/01/02 03:04:05", "Tue Jan  2 03:04:05 2024", "Tue, 02 Jan 2024 03:04:05 GMT", "Oct 11 14:32:52 2000", "Oct 11 14:32:52.123456 2000",
    "2 Jan 2024 03:04", "20240102T030405Z", "20240102", "2024-07-02 03:04:05", "2024-01-02", "Jan 2 03:04:05", "03:04:05", "nonsense", "", "2024-01-02 03:04:05.5",
    "2024-01-02 03:04:05 PM", "2024-01-02 25:04:05", "2024-13-02 03:04:05", "2024-01-02 03:04:05,123", "Jan 2, 2024 3:04 pm", "2024-01-02 03:04:05 EST",
    "14-Nov-2023 22:13:20", "Nov-14-2023", "14th Nov '23 10h13m5s", "14.11.2023 22:13", "11/14/2023", "11/14", "H31.4.30", "2023-318", "2023-318 24:00:00", "2023-366", "23-000",
    "20231114221320", "20231114T221320.5+0900", "231114", "1114", "14", "2023318", "221320.25", "20231114 2213", "12, 10:13", "10 a.m.", "12 PM", "3h", "'24 Nov 3", "3rd Nov 2023",
    "2023-11-14 22:13:20 GMT+9", "2023-11-14 22:13:20 -89", "2023-11-14 22:13:20.123456789012", "Oct 11 \u00e914:32:52 2000", "[2023-11-14 22:13:20]", "2023-11-14_22:13:20", "14/Nov/2023:22:13:20 +0000",
    "2023-11-14 24:00:00", "2023-11-14 23:59:60", "2023-11-14 22:60", "Nov 2023", "2023-11", "2023", "1700000000", "Sept 5 99", "-- 11-14", "--1114", "-318", "5 BC Jan 1", "mon", "12345678901234567890",
  ],
}; // biome-ignore format: a list

const types: ParserCase = {
  parse: `@type json\ntypes a:time,b:time:%Y-%m-%d,c:time:+09:00:%Y-%m-%d,d:time:unixtime,e:time:float,f:time:Asia/Tokyo:%H:%M %d.%m.%Y`,
  texts: [
    '{"a":"2024-01-02 03:04:05","b":"2024-01-02","c":"2024-01-02","d":"5","e":"5.5","f":"10:20 01.02.2024"}',
    '{"a":5,"b":"x","d":7,"e":1.25}',
  ],
};

for (const [name, cases] of Object.entries({
  formatted,
  numbers: [...numbers, ...oddNumbers],
  mixed,
  guessed: [guessed],
  types: [types],
})) {
  test(`times, ${name}: same as fluentd`, { skip: withoutFluentd }, () => {
    const expected = fluentdAnswers(cases, ZONE);
    const found = suiroAnswers(cases);
    const wrong: string[] = [];
    for (const [index, { parse, texts }] of cases.entries()) {
      if (typeof expected[index] === "string" || typeof found[index] === "string") {
        if (expected[index] !== found[index]) wrong.push(`${parse}: ${expected[index]}, but Suiro ${found[index]}`);
        continue;
      }
      for (const [line, text] of texts.entries()) {
        const [theirs, ours] = [expected[index]?.[line]?.trim(), found[index]?.[line]?.trim()];
        if (theirs !== ours)
          wrong.push(`${parse.split("\n").slice(-2).join(" ")} of ${text}: ${theirs}, but Suiro ${ours}`);
      }
    }
    assert.ok(wrong.length === 0, wrong.join("\n"));
  });
}
