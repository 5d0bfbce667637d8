/** grep, concat, record_modifier, rewrite_tag_filter and detect_exceptions, by Suiro and by the real plugins. */

import { test } from "node:test";
import { entryBounds } from "../../src/event/event-stream.ts";
import { jsonToMsgpack } from "../../src/event/json-reader.ts";
import { encode } from "../../src/event/msgpack.ts";
import { withoutFluentd } from "../support/fluentd.ts";
import { entriesOf, type PluginCase } from "../support/fluentd-plugins.ts";
import { assertSameAsFluentd } from "../support/same-as-fluentd.ts";
import { withBinaries } from "../support/with-binaries.ts";

const odd = (key: string) => Buffer.concat([Buffer.from([0x81]), encode(key), Buffer.from([0xa3, 0xff, 0x41, 0xc3])]);

const mixed = entriesOf([
  jsonToMsgpack('{"message":"cool one","level":"info","n":10,"f":1.0,"k":{"a":["x","y"],"b.c":"dot"},"nil":null,"t":true}'),
  jsonToMsgpack('{"message":"WARN two","level":"warn","n":200,"k":{"a":[]}}'),
  jsonToMsgpack('{"level":"","list":[1,2.0,"three"]}'), odd("message"), {},
]); // biome-ignore format: a list

/** The plugin loses an event without text that ends a trace, and a whole batch with bytes that are no UTF-8; Suiro loses neither. */
const valid = entriesOf([{ message: "no trace", level: "a" }, { level: 1 }, {}]);

const grep: PluginCase[] = [
  "<regexp>\nkey message\npattern /cool/\n</regexp>", "<regexp>\nkey message\npattern cool\n</regexp>", "<regexp>\nkey message\npattern /warn/i\n</regexp>",
  "<regexp>\nkey message\npattern /o/\n</regexp>\n<regexp>\nkey level\npattern /info/\n</regexp>", "<exclude>\nkey message\npattern /cool/\n</exclude>\n<exclude>\nkey level\npattern /warn/\n</exclude>",
  "<regexp>\nkey n\npattern /^10$/\n</regexp>", "<regexp>\nkey f\npattern /^1\\.0$/\n</regexp>", "<regexp>\nkey k\npattern /\"a\"=>\\[/\n</regexp>", "<regexp>\nkey list\npattern /2\\.0, \"three\"/\n</regexp>", "<regexp>\nkey nil\npattern /^$/\n</regexp>", "<regexp>\nkey t\npattern /true/\n</regexp>",
  "<regexp>\nkey $.k.a[1]\npattern /y/\n</regexp>", "<regexp>\nkey $['k']['b.c']\npattern /dot/\n</regexp>", "<regexp>\nkey $.k.a[-1]\npattern /y/\n</regexp>", "<regexp>\nkey message\npattern /^\\?A/\n</regexp>", "<exclude>\nkey absent\npattern /^$/\n</exclude>",
  "<and>\n<regexp>\nkey message\npattern /o/\n</regexp>\n<regexp>\nkey level\npattern /warn/\n</regexp>\n</and>", "<or>\n<regexp>\nkey message\npattern /cool/\n</regexp>\n<regexp>\nkey level\npattern /warn/\n</regexp>\n</or>", "<or>\n<exclude>\nkey message\npattern /cool/\n</exclude>\n<exclude>\nkey level\npattern /warn/\n</exclude>\n</or>", "<and>\n<exclude>\nkey message\npattern /cool/\n</exclude>\n<exclude>\nkey level\npattern /info/\n</exclude>\n</and>",
  "regexp1 message cool\nexclude1 level info", "regexp1 message", "<regexp>\nkey a\npattern /x/\n</regexp>\n<regexp>\nkey a\npattern /y/\n</regexp>", "<and>\n<regexp>\nkey a\npattern /x/\n</regexp>\n<exclude>\nkey b\npattern /x/\n</exclude>\n</and>", "",
].map((config) => ({ kind: "filter", type: "grep", config, batches: [["a.b", mixed]] })); // biome-ignore format: a list

/** The key leads through what has no fields; a field that is removed is not replaced in. */
const through = entriesOf([
  { a: "12 x", n: { a: 1 } },
  { n: -0.25, a: 7 },
  { n: { b: ["q 1"] }, level: 12 },
  { n: "text" },
  {},
]);
const found: PluginCase[] = [
  ...["windows-1252", "iso-8859-1", "iso-8859-9", "iso-8859-15", "windows-1251", "koi8-r", "us-ascii"].map(
    (name): PluginCase => ({
      kind: "filter",
      type: "record_modifier",
      config: `char_encoding ${name}:utf-8`,
      batches: [["a", entriesOf([{ every: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)) }])]],
    }),
  ),
  {
    kind: "filter",
    type: "record_modifier",
    config: "char_encoding euc-jp:utf-8",
    batches: [
      [
        "a",
        entriesOf([
          { broken: Buffer.from("\xe6\x97\xa5\xe6\x9c\xac", "latin1"), whole: Buffer.from("\xc6\xfc", "latin1") },
        ]),
      ],
    ],
  },
  ...["$.n.b[0]", "$.a[-1]", "$['n']['a']", "a"].flatMap((key) =>
    ["", "reserve_data true", "emit_invalid_record_to_error false\nreserve_data true"].map((more): PluginCase => {
      const config = `key_name ${key}\nreserve_time true\n${more}\n<parse>\n@type regexp\nexpression /(?<x>\\d+)/\n</parse>`;
      return { kind: "filter", type: "parser", config, batches: [["a.b", through]] };
    }),
  ),
  ...["remove_keys level,a", "remove_keys $.level", "remove_keys $.n.b", "whitelist_keys n", "remove_keys a"].map(
    (which): PluginCase => {
      const config = `${which}\n<replace>\nkey level\nexpression /1/\nreplace 2\n</replace>`;
      return { kind: "filter", type: "record_modifier", config, batches: [["a.b", through]] };
    },
  ),
  // Names that stand twice, as str and as bin.
  {
    kind: "filter",
    type: "record_modifier",
    config: "whitelist_keys m,log",
    batches: [
      [
        "a",
        entriesOf([Buffer.from("84a16d01c4036c6f6702a17803c4016d04", "hex"), Buffer.from("82a16d01a16d02", "hex")]),
      ],
    ],
  },
  // Letters without a meaning, private ones, and a time.
  {
    kind: "filter",
    type: "record_transformer",
    config: "enable_ruby true\n<record>\na ${[record['m']].to_s}\nb ${record.to_json}\n</record>",
    batches: [
      ["a", entriesOf([{ m: "\u0085\u0090\ue000\ud7ff\u{e0fff}\u{10fffd}\u{1f600}" }])],
      ["a", entriesOf([Buffer.from("81a16dd7000000000100000002", "hex")])],
    ],
  },
  {
    kind: "filter",
    type: "record_transformer",
    config: "renew_time_key t",
    batches: [
      [
        "a.b",
        entriesOf([
          Buffer.from("81a174d7000000000100000002", "hex"),
          { t: "12.5x" },
          { t: "/a" },
          { t: "3" },
          { t: ["x"] },
          { t: null },
          { t: Number.NEGATIVE_INFINITY },
          { t: "1e400" },
          {},
        ]),
      ],
    ],
  },
];

const rewrite: PluginCase[] = [
  "<rule>\nkey level\npattern /^(.+)$/\ntag new.$1.${tag}\n</rule>", "<rule>\nkey message\npattern /^(\\w+) (\\w+)$/\ntag $2.$1.${tag_parts[1]}.__TAG_PARTS[0]__\n</rule>", "capitalize_regex_backreference yes\n<rule>\nkey level\npattern /(\\w+)/\ntag x.$1\n</rule>",
  "remove_tag_prefix a\n<rule>\nkey level\npattern /(.*)/\ntag x.${tag}.${tag_parts[0]}\n</rule>", "remove_tag_regexp /^a\\./\n<rule>\nkey level\npattern /.+/\ntag x.${tag}\n</rule>", "<rule>\nkey message\npattern /cool/\ntag not.cool.$1\ninvert true\n</rule>", "<rule>\nkey level\npattern /info/\ntag a.b\n</rule>\n<rule>\nkey level\npattern /warn/\ntag w\n</rule>",
  "<rule>\nkey level\npattern /info/\ntag ${unknown}x${tag_parts[9]}y\n</rule>", "<rule>\nkey $.k.a[0]\npattern /x/\ntag deep\n</rule>\n<rule>\nkey n\npattern /^\\d+$/\ntag num.$0\n</rule>", "emit_mode record\n<rule>\nkey level\npattern /(.)/\ntag r.$1\n</rule>", "<rule>\nkey level\npattern /info/\ntag a.b\nlabel @X\n</rule>\n<rule>\nkey level\npattern /warn/\ntag l\nlabel @Y\n</rule>", "<rule>\nkey message\npattern /\\?A/\ntag odd\n</rule>",
  "", "<rule>\nkey a\npattern /x/\ntag y\n</rule>\n<rule>\nkey a\npattern /x/\ntag z\n</rule>", "<rule>\nkey a\npattern /x/\ntag ${tag_parts[1..2]}\n</rule>", "remove_tag_prefix a\nremove_tag_regexp /a/\n<rule>\nkey a\npattern /x/\ntag y\n</rule>",
].map((config) => ({ kind: "output", type: "rewrite_tag_filter", config, batches: [["a.b", mixed]] })); // biome-ignore format: a list

const lines = (...texts: string[]) => entriesOf(texts.map((message, index) => ({ message, n: index })));
const trace = lines(
  "start one",
  "  at a",
  "  at b",
  "start two",
  "other",
  "start three end",
  "  more",
  "end",
  "start four",
);
const cri = entriesOf([
  { stream: "stdout", logtag: "P", message: "a" }, { stream: "stderr", logtag: "F", message: "E" }, { stream: "stdout", logtag: "P", message: "b" }, { stream: "stdout", logtag: "F", message: "c", x: 1 },
  { stream: "stdout", logtag: "F:x", message: "whole" }, { stream: "stdout", message: "no tag" }, { other: 1 }, { stream: "stdout", logtag: "P", message: "left" },
]); // biome-ignore format: a list
const partial = entriesOf([
  { message: "1234567890", p: "true" }, { message: "abc", p: "true" }, { message: "def", p: "false" }, { message: "alone" }, { message: "x", p: true }, { message: "last", p: "true" },
]); // biome-ignore format: a list
const docker = entriesOf([
  { log: "b", partial_message: "true", partial_id: "i1", partial_ordinal: "2", partial_last: "false" }, { log: "a", partial_message: "true", partial_id: "i1", partial_ordinal: "1", partial_last: "false" }, { log: "z" }, { log: "other", partial_message: "true", partial_id: "i2", partial_ordinal: "1", partial_last: "true" }, { log: "c", partial_message: "true", partial_id: "i1", partial_ordinal: "3", partial_last: "true" },
]); // biome-ignore format: a list
const journald = entriesOf([{ log: "a", CONTAINER_PARTIAL_MESSAGE: "true", CONTAINER_PARTIAL_ID: "i", CONTAINER_PARTIAL_ORDINAL: "1" }, { log: "b", CONTAINER_PARTIAL_ID: "i", CONTAINER_PARTIAL_ORDINAL: "2", CONTAINER_PARTIAL_LAST: "true" }]); // biome-ignore format: a list

const concat: PluginCase[] = ([
  ["key message\nn_lines 2", trace], ["key message\nn_lines 2\nseparator \"\"\nuse_first_timestamp true", trace], ["key message\nn_lines 3", mixed],
  ["key message\nmultiline_start_regexp /^start/", trace], ["key message\nmultiline_start_regexp /^start/\nuse_first_timestamp true", trace], ["key message\nmultiline_start_regexp /^start/\nmultiline_end_regexp /end$/", trace], ["key message\nmultiline_end_regexp /end$/", trace], ["key message\nmultiline_start_regexp /^start/\ncontinuous_line_regexp /^  /", trace], ["key message\nmultiline_start_regexp /^start/\ncontinuous_line_regexp /^  /\nuse_first_timestamp true", trace], ["key message\nmultiline_start_regexp /^start/\nstream_identity_key n", trace], ["key message\nmultiline_start_regexp /cool|A/", mixed], ["key n\nmultiline_start_regexp /1/", trace], ["key message\nmultiline_start_regexp /^start/\ntimeout_label @X", trace],
  ["key message\nuse_partial_cri_logtag true\npartial_cri_logtag_key logtag", cri], ["key message\nuse_partial_cri_logtag true\npartial_cri_logtag_key logtag\nseparator \"\"\nkeep_partial_key true\npartial_cri_stream_key none\nstream_identity_key stream", cri], ["key message\nuse_partial_cri_logtag true\npartial_cri_logtag_key logtag\nseparator \"\"\nstream_identity_key stream", cri],
  ["key message\npartial_key p\npartial_value true", partial], ["key message\npartial_key p\npartial_value true\nkeep_partial_key true\nuse_first_timestamp true", partial],
  ...["ignore", "truncate", "drop", "new"].flatMap((method) => [13, 18, 24].map((size) => [`key message\npartial_key p\npartial_value true\nbuffer_limit_size ${size}\nbuffer_overflow_method ${method}`, partial] as const)),
  ["key log\nuse_partial_metadata true\nseparator \"\"", docker], ["key log\nuse_partial_metadata true\nkeep_partial_metadata true\nseparator -", docker], ["key log\nuse_partial_metadata true\npartial_metadata_format docker-journald\nseparator \"\"", journald],
  ["key message", trace], ["key message\nn_lines 2\nmultiline_start_regexp /x/", trace], ["key message\npartial_key p", trace], ["n_lines 2", trace],
] as const).map(([config, entries]) => ({ kind: "filter", type: "concat", config, batches: [["a.b", entries], ["a.b", entries]] })); // biome-ignore format: a list

const java = [
  "Jul 09, 2015 3:23:29 PM com.google.x: log message",
  "java.lang.RuntimeException: javax.mail.SendFailedException: Invalid Addresses;",
  "  nested exception is:",
  "com.sun.mail.smtp.SMTPAddressFailedException: 550 5.7.1 <[REDACTED]>... Relaying denied",
  "",
  "\tat com.nethunt.crm.api.server.adminsync.AutomaticEmailFacade.sendWithSmtp(AutomaticEmailFacade.java:236)",
  "\t... 12 more",
  "Caused by: javax.mail.SendFailedException: Invalid Addresses;",
  "\tat x.Y(Z.java:1)",
  "plain",
];
const python = [
  "Traceback (most recent call last):",
  '  File "/base/x.py", line 7, in <module>',
  "    import foo",
  "    raise Error",
  '  File "y.py", line 1, in f',
  "    x()",
  "Exception: ('spam', 'eggs')",
  "after",
];
const go = [
  "panic: my panic [recovered]",
  "[signal SIGSEGV: segmentation violation]",
  "",
  "goroutine 4 [running]:",
  "panic(0x45cb40, 0x47ad70)",
  "\t/usr/local/go/src/runtime/panic.go:542 +0x46c",
  "main.main.func1(0xc420024120)",
  "\tfoo.go:6 +0x39",
  "created by main.main",
  "\tfoo.go:5 +0x58",
  "exit",
];
const others = [
  "exception 'Exception' with message 'Custom' in /a.php:2",
  "Stack trace:",
  "#0 /b.php(4): f()",
  "#1 {main}",
  "  thrown in /a.php on line 2",
  " NoMethodError (undefined method `x' for nil:NilClass):",
  "  ",
  "  app/controllers/x.rb:2:in `index'",
  "Unhandled exception:",
  "Instance of 'MyError'",
  "#0      main (file:///tmp/x.dart:2:3)",
  "<asynchronous suspension>",
  "Error: not one",
  "System.E: Exception: boom",
  "   at A.B()",
  "   --- End of inner exception stack trace ---",
];

const detect: PluginCase[] = ["", "languages java", "languages python,go", "max_lines 3", "max_bytes 100", "force_line_breaks true", "message n", "message text", "stream n"].flatMap((more) =>
  [java, python, go, others].map((texts): PluginCase => ({ kind: "output", type: "detect_exceptions", config: `remove_tag_prefix a\n${more}`, batches: [["a.b", entriesOf(texts.map((message, n) => ({ [more === "" ? "log" : "message"]: message, n: String(n % 2) })))], ["a.d", valid], ["c", lines(...texts)]] })),
); // biome-ignore format: a list

const modifier: PluginCase[] = [
  "<record>\na text\nb ${tag}\nc ${record['n']}\nd ${tag_parts[1]}x${record['f']}\ne ${time.to_i}\nf ${record['b']}\n</record>", "<record>\nmessage ${record['message'].to_s.upcase}\n</record>", "<record>\na ${record['absent']['x']}\n</record>", "<record>\na ${Time.at(time).utc.iso8601}\n</record>", "<record>\nb ${record.to_json}\n</record>",
  "remove_keys message,$.k.a\n<record>\nx 1\n</record>", "whitelist_keys message, n,none\n<record>\nx 1\n</record>", "remove_keys a\nwhitelist_keys b", "<replace>\nkey message\nexpression /o(n)?/\nreplace 0\\1\n</replace>", "<replace>\nkey n\nexpression /1/\nreplace 2\n</replace>", "<replace>\nkey level\nexpression /(?<first>\\w)/\nreplace <\\k<first>>\n</replace>",
  "char_encoding utf-8", "char_encoding utf-8:utf-8", "char_encoding shift_jis:utf-8", "char_encoding ascii-8bit:utf-8", "<record>\na ${record['k']['new'] = 1; 'x'}\nb ${record['k']}\n</record>", "<record>\n_ ${record['top'] = tag; nil}\n</record>\nremove_keys _", "<record>\na 5\nb \"${tag}\"\nc x\"y${tag}\n</record>", "",
].map((config) => ({ kind: "filter", type: "record_modifier", config, batches: [["a.b", mixed]] })); // biome-ignore format: a list

for (const [name, cases] of Object.entries({ grep, rewrite, concat, detect, modifier, found })) {
  test(`${name} gives what the real plugin gives`, { skip: withoutFluentd }, async () => {
    await assertSameAsFluentd(cases);
  });
  test(`${name} gives what the real plugin gives for texts of bytes`, { skip: withoutFluentd }, async () => {
    await assertSameAsFluentd(cases.map((given) => ({ ...given, batches: given.batches.map(ofBytes) })));
  });
}

function ofBytes([tag, entries]: PluginCase["batches"][number]): PluginCase["batches"][number] {
  const parts = [...entryBounds(entries)].map(({ start, recordStart, end }) => [
    entries.subarray(start, recordStart),
    withBinaries(entries.subarray(recordStart, end)),
  ]);
  return [tag, Buffer.concat(parts.flat())];
}
