/** Every parser gives the same times and records as fluentd's own, and fails where that fails. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutFluentd } from "../support/fluentd.ts";
import { differentAnswers, type ParserCase } from "../support/parser-oracle.ts";

const CRI: ParserCase[] = [
  {
    parse: "@type cri",
    texts: [
      "2024-01-02T03:04:05.123456789Z stdout F hello world",
      "2024-01-02T03:04:05.123456789+09:00 stderr P  two  blanks ",
      "2024-01-02T03:04:05.1-03:30 stdout F ",
      "2024-01-02T03:04:05Z stdout F no fraction",
      "2024-01-02T03:04:05.1234567891234Z stdout F too many digits",
      "2024-02-30T03:04:05.1Z stdout F no such day",
      "2024-13-02T03:04:05.1Z stdout F no such month",
      "2024-01-02T23:59:60.1Z stdout F leap",
      "2024-01-02T24:00:00.1Z stdout F",
      "2024-01-02T24:00:00.1Z stdout F x",
      "2024-01-02T24:00:01.1Z stdout F x",
      "2024-01-02T24:10:00.1Z stdout F x",
      "2024-01-02T03:04:05.5+0900 stdout F x",
      "2024-01-02T03:04:05.5+09 stdout F x",
      "2024-01-02T03:04:05.5z stdout F x",
      "2024-01-02T03:04:05.5 stdout F x",
      "2024-1-2T3:4:5.5Z stdout F x",
      "2024-01-02T03:04:05.5UTC\tstdout\tF\ttabs",
      " 2024-01-02T03:04:05.5Z stdout F leading",
      "not a time stdout F x",
      "one two three",
      "",
      Buffer.from("2024-01-02T03:04:05.5Z stdout F \xff\xfe bytes", "latin1"),
      "2024-01-02T03:04:05.5Z stdout F 日本語",
      `2024-01-02T03:04:05.5Z stdout F ${"x".repeat(70000)}`,
      "1969-12-31T23:59:59.5Z stdout F before",
      "2124-01-02T03:04:05.5Z stdout F later",
    ],
  },
  { parse: "@type cri\nkeep_time_key false", texts: ["2024-01-02T03:04:05.5Z stdout F x"] },
  { parse: "@type cri\ntime_format %Y-%m-%dT%H:%M:%S.%NZ", texts: ["2024-01-02T03:04:05.5Z stdout F x"] },
  { parse: "@type cri\ntime_format %Y-%m-%dT%H:%M:%S.%N%:z", texts: ["2024-01-02T03:04:05.5+01:00 stdout F x"] },
  {
    parse: "@type cri\n<parse>\n@type json\ntime_key ts\ntime_type string\ntime_format %s\n</parse>",
    texts: [
      '2024-01-02T03:04:05.5Z stdout F {"a":1,"ts":"1700000000"}',
      '2024-01-02T03:04:05.5Z stdout F {"stream":"own","b":2.0}',
      '2024-01-02T03:04:05.5Z stdout F [{"a":1},{"a":2}]',
      "2024-01-02T03:04:05.5Z stdout F broken",
      '2024-01-02T03:04:05.5Z stdout F {"ts":"no time"}',
      "2024-01-02T03:04:05.5Z stdout F",
    ],
  },
  {
    parse: "@type cri\nmerge_cri_fields false\n<parse>\n@type none\n</parse>",
    texts: ["2024-01-02T03:04:05.5Z stdout F x"],
  },
  { parse: "@type cri\n<parse>\n@type /^(?<a>.)/\n</parse>", texts: ["x stdout F y", "x stdout F "] },
];

const JSON_CASES: ParserCase[] = [
  {
    parse: "@type json",
    texts: [
      '{"a":1}',
      '{"time":1700000000,"a":"x"}',
      '{"time":1700000000.5,"a":"x"}',
      '{"time":"1700000000.123456789","a":1}',
      '{"time":"2023-11-14T01:02:03Z","a":1}',
      '{"time":null,"a":1}',
      '{"time":true,"a":1}',
      '{"time":[1],"a":1}',
      '{"time":1e9}',
      '{"time":-5}',
      '[{"a":1},{"time":5,"b":[]}]',
      "[1,2]",
      '[{"a":1},2]',
      "[]",
      "1",
      '"text"',
      "null",
      "",
      " ",
      '{"a":1} x',
      '{"a":18446744073709551615,"b":-9223372036854775808,"c":1.0,"d":1e20,"e":0.1}',
      '{"a":{"b":{"time":1}},"c":[{"d":null}]}',
      '{"a":"\\u00e9\\ud83d\\ude00\\n","日本":"語"}',
      '{"a":1,"a":2}',
      '{"a":1,"time":5,"b":2,"time":6,"a":3}',
      JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`k${index}`, index]))),
      JSON.stringify({
        time: 5,
        ...Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`k${index}`, index])),
      }),
    ],
  },
  {
    parse: "@type json\ntime_format %Y-%m-%dT%H:%M:%S.%NZ",
    texts: [
      '{"log":"x\\n","stream":"stdout","time":"2024-01-02T03:04:05.123456789Z"}',
      '{"log":"x","time":"2024-01-02T03:04:05Z"}',
      '{"time":1700000000}',
    ],
  },
  {
    parse: "@type json\ntime_format %Y-%m-%dT%H:%M:%S.%N%z\nkeep_time_key true",
    texts: ['{"a":1,"time":"2024-01-02T03:04:05.1Z","b":2}'],
  },
  {
    parse: "@type json\ntime_type unixtime\ntime_key t",
    texts: ['{"t":"17"}', '{"t":17.9}', '{"t":"x"}', '{"t":true}'],
  },
  {
    parse: "@type json\ntypes a:integer,b:float,c:bool,d:string,e:array,f:time:%Y,g:integer",
    texts: [
      '{"a":"12x","b":"1.5","c":"Yes","d":1.0,"e":"x,y,,","f":"2024","g":1.9}',
      '{"a":null,"b":true,"c":1,"d":[1,"x"],"e":5,"f":"no","g":"99999999999"}',
      '{"a":false,"b":"x","c":"on","d":{"k":1},"e":"","f":5,"g":{"x":1}}',
      '{"a":"-12","b":"1e3","c":true,"d":"s","g":"0x10"}',
    ],
  },
  {
    parse: "@type json\nnull_empty_string true\nnull_value_pattern /^-$/",
    texts: ['{"a":"","b":"-","c":"--","d":0,"e":false}'],
  },
  { parse: "@type json\nestimate_current_event false", texts: ['{"a":1}', '{"a":1,"time":3}'] },
  { parse: "@type json\nlocaltime true\nutc true", texts: [] },
  { parse: "@type json\ntypes a:what", texts: [] },
  { parse: "@type json\ntime_type string\ntimezone +09:00", texts: [] },
  { parse: "@type json\ntime_type string\ntime_format %Y\ntimezone Nowhere/City", texts: [] },
];

const TEXT_CASES: ParserCase[] = [
  { parse: "@type none", texts: ["x", "", "日本", Buffer.from([0xff, 0x00, 0x41])] },
  { parse: "@type none\nmessage_key m\nestimate_current_event false", texts: ["x"] },
  {
    parse: "@type ltsv",
    texts: ["a:1\tb:2\ttime:2024-01-02 03:04:05", "a:1:2\tnolabel\t:x\tb:", "", "\t\t", "a:1\ta:2\tb:3", "日:本"],
  },
  {
    parse: "@type ltsv\ndelimiter ,\nlabel_delimiter =\ntime_key t\ntime_type unixtime",
    texts: ["a=1,b=2,t=5", "t=x"],
  },
  { parse: "@type ltsv\ndelimiter_pattern /\\s+/\nlabel_delimiter =", texts: ["a=1  b=2\tc=3 ", " a=1"] },
  {
    parse: "@type tsv\nkeys a,b,c\ntypes b:integer\nnull_empty_string true",
    texts: ["1\t2\t3", "1\t2", "1\t2\t3\t4", "", "\t\t"],
  },
  { parse: "@type tsv\nkeys t,b\ntime_key t\ntime_format %Y", texts: ["2024\tx", "x\ty", "2024"] },
  { parse: "@type tsv\nkeys t,b\ntime_key b\ntime_format %Y", texts: ["2024"] },
  ...["normal", "fast"].map((engine) => ({
    parse: `@type csv\nkeys a,b,c\nparser_engine ${engine}`,
    texts: ["1,2,3", "1,,3", "1,2", '"x,y",2,"z ""q"""', '"",2,3', "a b, c ,d", '日本,"語",x', ",,", '"1","2","3"'],
  })),
  { parse: "@type csv\nkeys a,b", texts: ["1,2,3", '"open,2', 'x"y,2', '"a"b,2', "", "1,2\n3,4", '"1\n2",3'] },
  { parse: "@type csv\nkeys a,t\ntime_key t\ntime_format %Y-%m-%d", texts: ["1,2024-05-06", "1,"] },
  { parse: "@type csv\nkeys a,b\ndelimiter |", texts: ["1|2"] },
];

const ACCESS = [
  '192.168.0.1 - - [28/Feb/2013:12:00:00 +0900] "GET / HTTP/1.1" 200 777 "-" "Opera/12.0"',
  '192.168.0.1 - bob [28/Feb/2013:12:00:00 +0900] "POST /a b HTTP/1.1" 404 - "http://x/" "q \\"uoted\\""',
  '192.168.0.1 - - [28/Feb/2013:12:00:00 +0900] "GET" 200 777',
  '- - - [28/Feb/2013:12:00:00 -0730] "-" 0 0 "-" "-"',
  '192.168.0.1 - - [28/Feb/2013:12:00:00] "GET / HTTP/1.1" 200 777',
  '1.2.3.4 - - [28/Feb/2013:12:00:00 +0900] "GET /é HTTP/1.1" x 1x "-" "ü"',
  '127.0.0.1 192.168.0.1 - [28/Feb/2013:12:00:00 +0900] "GET / HTTP/1.1" 200 777 "-" "Opera/12.0" "1.1.1.1, 2.2.2.2"',
  "nothing of the kind",
  "",
];

const WEB_CASES: ParserCase[] = [
  ...["apache2", "apache2\nkeep_time_key true", "apache", "nginx", "nginx\ntypes code:integer,size:integer"].map(
    (type) => ({
      parse: `@type ${type}`,
      texts: ACCESS,
    }),
  ),
  {
    parse: "@type apache_error",
    texts: [
      "[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied by server configuration",
      "[Wed Oct 11 14:32:52 2000] [error] [pid 1234] [client 127.0.0.1] x",
      "[Wed Oct 11 14:32:52.123456 2000] [core:error] text",
      "no",
    ],
  },
];

const REGEXP_CASES: ParserCase[] = [
  {
    parse:
      "@type regexp\nexpression /^(?<time>.+) (?<stream>stdout|stderr) [^ ]* (?<log>.*)$/\ntime_format %Y-%m-%dT%H:%M:%S.%N%:z",
    texts: [
      "2024-01-02T03:04:05.123456789+00:00 stdout F hello",
      "2024-01-02T03:04:05.123456789Z stdout F stderr F hello",
      "2024-01-02T03:04:05Z stdout F hello",
      "no match",
      Buffer.from("2024-01-02T03:04:05.1Z stdout F \xffx\xe9", "latin1"),
    ],
  },
  {
    parse: "@type regexp\nexpression /(?<a>x)|(?<b>y)(?<a>z)?/i",
    texts: ["X", "y", "yz", "q", "日y"],
  },
  { parse: "@type regexp\nexpression (?<a>\\d+)(?<b>)", texts: ["12", "１２", "x"] },
  { parse: "@type regexp\nexpression /^(?<a>.*)$/", texts: ["one\ntwo", "", "\n", "a\r\nb", "x\u2028y"] },
  { parse: "@type regexp\nexpression /^(?<a>.*)$/m", texts: ["one\ntwo", "a\n"] },
  {
    parse: "@type regexp\nexpression /(?<a>[[:alpha:]]+)(?<b>[[:space:]]*)(?<c>\\h+)/",
    texts: ["ab  0f", "éé 0f", "xyz\tAF"],
  },
  {
    parse: "@type regexp\nexpression /(?<a>[[:alpha:]]+)/",
    encoding: "utf-8",
    texts: ["éé 0f", "日本 x", Buffer.from("a\xff", "latin1")],
  },
  { parse: "@type regexp\nexpression /(?<a>日.)/", texts: ["abc", "日本", "x"] },
  { parse: "@type regexp\nexpression /(?<a>日.)/", encoding: "utf-8", texts: ["abc", "日本語", "x"] },
  {
    parse: "@type regexp\nexpression /(?<a>.)(?<b>\\W*)(?<c>\\w*)/",
    encoding: "utf-8",
    texts: ["éàx", "日本語", "aéb"],
  },
  { parse: "@type regexp\nexpression /(?<key.with-dots>.)(?<2>.)?/", texts: [] },
  { parse: "@type regexp\nexpression /(?<a.b>.)(?<c-d>.)/", texts: ["xy"] },
  { parse: "@type regexp\nexpression /nothing/", texts: [] },
  { parse: "@type regexp\nexpression /(?<a>[/", texts: [] },
  { parse: "@type regexp\nexpression /(?>a+)(?<b>b)\\k<b>(?<!x)\\z/", texts: ["aabb", "aab"] },
  { parse: "@type regexp\nexpression /(?<n>\\d{,3})(?<r>.*)/", texts: ["12345"] },
  { parse: "@type /^(?<a>.) (?<b>.)/", texts: ["x y", "xy"] },
  {
    parse: "@type regexp\nexpression /(?<t>.*)/\ntime_key t\nkeep_time_key true\ntime_format %d.%m.%Y",
    texts: ["01.02.2024", "x"],
  },
  {
    parse: "@type regexp\nexpression /^(?<a>[^ ]*) (?<b>.*)$/\ntypes a:integer,b:array:;\nnull_value_pattern nil",
    texts: ["12 a;b;;", "nil x", "x nil"],
  },
  { parse: "@type regexp\nexpression /(?<a>.)/\nignorecase true", texts: ["x"] },
];

const MULTILINE_CASES: ParserCase[] = [
  {
    parse:
      "@type multiline\nformat_firstline /^\\d/\nformat1 /^(?<time>\\d+) (?<level>\\w+)/\nformat2 / (?<message>.*)/\ntime_type unixtime",
    texts: ["5 INFO one\n  two\nthree", "5 INFO x", "none"],
  },
  { parse: "@type multiline\nformat1 /^(?<a>\\d)\\n/\nformat2 /(?<b>\\w)$/", texts: ["1\nx\n2\ny", "1\nx\nrest", "1"] },
  { parse: "@type multiline\nunmatched_lines true\nformat1 /^(?<a>\\d)$/", texts: ["1\n2\nx", "y"] },
  { parse: "@type multiline\nformat1 /^(?<a>\\d)/\nformat3 /x/", texts: [] },
  { parse: "@type multiline\nformat1 (?<a>x)", texts: [] },
  { parse: "@type multiline\nformat1 /x/", texts: [] },
  { parse: "@type multiline\nformat21 /(?<a>x)/", texts: [] },
];

const SYSLOG_3164 = [
  "Feb 28 12:00:00 192.168.0.1 fluentd[11111]: [error] Syslog test",
  "Feb 28 12:00:00 192.168.0.1 fluentd: [error] Syslog test",
  "Feb 28 12:00:00 192.168.0.1 fluentd [error] Syslog test",
  "Feb  8 12:00:00 192.168.0.1 fluentd[1]: x",
  "Feb 28 12:00:00.456 192.168.0.1 fluentd[11111]: [error] Syslog test",
  "Feb 28 12:00:00 192.168.0.1 fluentd[11111] no colon",
  "Feb 28 12:00:00 host a:b:c d",
  "Feb 28 12:00:00 host",
  "Feb 28 12:00:00 host x",
  "Feb 28 12:00:00 host x: ",
  "Feb 28 12:00:00 host 日本: é",
  "Feb 30 25:00:00 host x: y",
  "<6>Feb 28 12:00:00 192.168.0.1 fluentd[11111]: [error] Syslog test",
  "<1234>Feb 28 12:00:00 192.168.0.1 fluentd[11111]: [error] Syslog test",
  "<>Feb 28 12:00:00 h x: y",
  "Feb",
  "",
  "short text without a time at all",
];
const SYSLOG_5424 = [
  "2017-02-06T13:14:15.003Z 192.168.0.1 fluentd - - - Hi, from Fluentd!",
  '2017-02-06T13:14:15.003+09:00 host app 12 ID47 [exampleSDID@20224 iut="3" eventSource="App\\]"] Hi',
  '2017-02-06T13:14:15Z host app 12 ID47 [a b="c"][d e="f"] two',
  "2017-02-06T13:14:15.003Z host app - - -",
  '2017-02-06T13:14:15.003Z host app - - [a b="c"]',
  "2017-02-06 host app - - - x",
  '<16>1 2017-02-06T13:14:15.003Z 192.168.0.1 fluentd 11111 ID24224 [exampleSDID@20224 iut="3"] [error] Syslog test',
  "<16>1 2017-02-06T13:14:15.003Z 192.168.0.1 fluentd - - - line\nnext",
  "<1>12 2017-02-06T13:14:15.003Z h a - - - é",
  "",
];
const SYSLOG_CASES: ParserCase[] = ["regexp", "string"].flatMap((engine) => [
  { parse: `@type syslog\nparser_engine ${engine}`, texts: SYSLOG_3164 },
  { parse: `@type syslog\nparser_engine ${engine}\nwith_priority true\nkeep_time_key true`, texts: SYSLOG_3164 },
  { parse: `@type syslog\nparser_engine ${engine}\nsupport_colonless_ident false`, texts: SYSLOG_3164 },
  { parse: `@type syslog\nparser_engine ${engine}\ntime_format %b %d %H:%M:%S.%N`, texts: SYSLOG_3164 },
  {
    parse: `@type syslog\nparser_engine ${engine}\ntime_format %Y-%m-%d %H:%M:%S`,
    texts: ["2024-01-02 03:04:05 h a: b", "2024-01-02  03:04:05 h a: b"],
  },
  { parse: `@type syslog\nparser_engine ${engine}\nmessage_format rfc5424`, texts: SYSLOG_5424 },
  {
    parse: `@type syslog\nparser_engine ${engine}\nmessage_format rfc5424\nwith_priority true\nkeep_time_key true`,
    texts: SYSLOG_5424,
  },
  {
    parse: `@type syslog\nparser_engine ${engine}\nmessage_format auto\nwith_priority true`,
    texts: [...SYSLOG_3164, ...SYSLOG_5424],
  },
  {
    parse: `@type syslog\nparser_engine ${engine}\nmessage_format rfc5424\ntime_format %Y-%m-%d`,
    texts: ["2017-02-06 host app - - - x"],
  },
]);

const MULTI_FORMAT_CASES: ParserCase[] = [
  {
    parse: `@type multi_format
      format_key which
      <pattern>
        format json
        time_key time
        time_format %Y-%m-%dT%H:%M:%S.%NZ
        format_name docker
      </pattern>
      <pattern>
        format /^(?<time>.+) (?<stream>stdout|stderr) [^ ]* (?<log>.*)$/
        time_format %Y-%m-%dT%H:%M:%S.%N%:z
      </pattern>
      <pattern>
        format none
      </pattern>`,
    texts: [
      '{"log":"x","time":"2024-01-02T03:04:05.1Z"}',
      '{"log":"x","time":"bad"}',
      "2024-01-02T03:04:05.1+00:00 stdout F x",
      "plain",
      "",
    ],
  },
  { parse: "@type multi_format\n<pattern>\nformat json\n</pattern>", texts: ["x", '{"a":1}'] },
];

/** What random configurations and texts found. */
const FOUND_CASES: ParserCase[] = [
  {
    parse: '@type tsv\nkeys a,b,c\ndelimiter " "',
    texts: ["x y z", "  x  y\tz  w ", "x", "x ", "x y", "x y ", "", " ", "x \0 y", Buffer.from("a b c \xff", "latin1")],
  },
  {
    parse: '@type tsv\nkeys a,b,c\ndelimiter " "',
    texts: [Buffer.from("a b c \xff", "latin1"), Buffer.from("a \xff c d", "latin1")],
    encoding: "utf-8",
  },
  ...(["binary", "utf-8"] as const).map((encoding) => ({
    parse: "@type ltsv\nlabel_delimiter =\ntypes é:integer,b:integer\ntime_key ü\ntime_format %Y",
    texts: ["é=1\tb=2\tü=2024", Buffer.from("\xe9=1\tb=2", "latin1"), "b=x\té=\té=7"],
    encoding,
  })),
  ...["none", "multi_format\n<pattern>\nformat none\n</pattern>"].flatMap((type) =>
    ["time_type mixed", "localtime false", "timezone Nowhere", "types a:time:mixed", "timezone +09:00"].map((bad) => ({
      parse: `@type ${type}\n${bad}`,
      texts: ["x"],
    })),
  ),
  {
    parse: "@type ltsv\ntypes a:time:mixed,b:array: \ntime_format_fallbacks %Y,unixtime",
    texts: ["a:2024\tb: x\0 y z", "a:17e8\tb:\u00a0x"],
  },
  { parse: "@type ltsv\ntypes a:time:mixed", texts: ["a:2024"] },
  {
    parse: "@type ltsv\ntime_type mixed\ntime_format %Y\ntime_format_fallbacks float",
    texts: [".5", "5.", "1_0.2_5", "._5", "-.5", "1e1", "2024", "1__0", "x"].map((text) => `time:${text}`),
  },
  ...["rfc3164", "rfc5424", "auto"].flatMap((format) =>
    ["regexp", "string"].map((engine) => ({
      parse: `@type syslog\nmessage_format ${format}\nparser_engine ${engine}\nwith_priority true`,
      texts: ["<6>Feb 28 12:34:56 h a[1]: \xff", "<x>Feb 28 12:34:56 h a: \xff"].map((text) =>
        Buffer.from(text, "latin1"),
      ),
      encoding: "utf-8" as const,
    })),
  ),
];

for (const [name, cases] of Object.entries({
  cri: CRI,
  json: JSON_CASES,
  "none, ltsv, tsv, csv": TEXT_CASES,
  "web servers": WEB_CASES,
  regexp: REGEXP_CASES,
  multiline: MULTILINE_CASES,
  syslog: SYSLOG_CASES,
  multi_format: MULTI_FORMAT_CASES,
  "what was found by chance": FOUND_CASES,
})) {
  test(`${name}: same events as fluentd`, { skip: withoutFluentd }, () =>
    assert.deepEqual(differentAnswers(cases), []),
  );
}
