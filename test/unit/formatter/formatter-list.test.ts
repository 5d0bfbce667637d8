import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { formatEvents } from "../../../src/formatter/formatter.ts";
import { createFormatter } from "../../../src/formatter/formatter-list.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parsedElement } from "../../support/parsed-config.ts";

const record = { message: "a\tb", n: 1, nil: null, list: [1, "x"], map: { k: true } };
const events = EventStream.fromEvents([{ time: new EventTime(1_700_000_000, 123_456_789), record }]);

function format(text: string, log = new MemoryLog(), given = events): string {
  return formatEvents(
    createFormatter(parsedElement(`<match>\n${text}\n</match>`), "out_file", log),
    "t.a",
    given,
  ).toString();
}
const section = (type: string, more = "") => format(`<format>\n@type ${type}\n${more}\n</format>`);
const json = '{"message":"a\\tb","n":1,"nil":null,"list":[1,"x"],"map":{"k":true}}';

test("out_file writes time, tag and JSON", () => {
  assert.equal(format("<format>\nutc true\n</format>"), `2023-11-14T22:13:20Z\tt.a\t${json}\n`);
  const timed = (more: string) => section("out_file", `output_tag false\n${more}`).split("\t")[0];
  assert.equal(timed("timezone +09:00"), "2023-11-15T07:13:20+09:00");
  assert.equal(timed("time_format %H:%M:%S.%3N\ntimezone Asia/Tokyo"), "07:13:20.123");
  assert.equal(timed("time_type unixtime"), "1700000000");
  assert.equal(timed("time_type float"), "1700000000.123456789");
  assert.equal(section("out_file", "output_time false\ndelimiter COMMA\nnewline crlf"), `t.a,${json}\r\n`);
});

test("json, hash and msgpack write the whole record", () => {
  assert.equal(section("json"), `${json}\n`);
  assert.equal(section("json", "add_newline false"), json);
  assert.equal(section("hash"), '{"message"=>"a\\tb", "n"=>1, "nil"=>nil, "list"=>[1, "x"], "map"=>{"k"=>true}}\n');
  assert.equal(section("msgpack").length, events.packed.length - 11);
});

test("ltsv, tsv, csv and single_value write values as text", () => {
  assert.equal(section("ltsv"), 'message:a b\tn:1\tnil:\tlist:[1, "x"]\tmap:{"k"=>true}\n');
  assert.equal(section("tsv", "keys n,nil,none,message"), "1\t\t\ta\tb\n");
  assert.equal(section("csv", "fields n,nil,message"), '"1","","a\tb"\n');
  assert.equal(section("csv", "fields n,$.map.k,none\nforce_quotes false\ndelimiter TAB"), "1\ttrue\t\n");
  assert.equal(section("single_value"), "a\tb\n");
  assert.equal(section("single_value", "message_key none"), "\n");
});

test("a time in a record shows as its seconds, and in a list as Ruby shows it", () => {
  const time = new EventTime(1_700_000_000, 120_000_000);
  const timed = EventStream.fromEvents([{ time, record: { at: time, list: [time] } }]);
  const text = (type: string, more = "") =>
    format(`<format>\n@type ${type}\n${more}\n</format>`, new MemoryLog(), timed).replace(
      /T?\d\d:\d\d:.*?(?=[\]"])/g,
      " …",
    );
  for (const [type, more] of [
    ["csv", "fields at"],
    ["tsv", "keys at"],
    ["single_value", "message_key at"],
  ] as const) {
    assert.match(text(type, more), /^"?1700000000"?\n$/);
  }
  assert.match(text("ltsv"), /^at:1700000000\tlist:\[2023-11-1\d {2}…\]\n$/);
  assert.equal(text("json"), '{"at":1700000000,"list":[1700000000]}\n');
});

test("v0.12's flat format counts where no section stands", () => {
  assert.equal(format("format json"), `${json}\n`);
  assert.match(format("format stdout\noutput_type hash"), / t\.a: \{"message"=>/);
});

test("mistakes are errors of the configuration, unknown keys are warnings", () => {
  assert.throws(() => section("jsn"), /Unknown formatter plugin 'jsn'. Did you mean 'json'\?/);
  assert.throws(() => section("tsv"), /'keys' parameter is required/);
  assert.throws(() => section("out_file", "timezone JST"), /Unsupported timezone 'JST'/);
  assert.throws(() => format("<format>\n</format>\n<format>\n</format>"), ConfigError);
  const log = new MemoryLog();
  format("<format>\n@type json\nadd_newlin true\n</format>", log);
  assert.match(log.messages("warn")[0] as string, /'add_newlin' .* not used. Did you mean 'add_newline'\?/);
});
