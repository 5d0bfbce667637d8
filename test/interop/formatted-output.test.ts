import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test } from "node:test";
import { createAgent } from "../../src/agent.ts";
import { systemClock } from "../../src/clock.ts";
import { EventTime } from "../../src/event/event-time.ts";
import { jsonToMsgpack } from "../../src/event/json-reader.ts";
import { encode } from "../../src/event/msgpack.ts";
import { stdoutOutputTo } from "../../src/output/stdout.ts";
import { PluginList } from "../../src/pipeline/plugin-list.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { parsedConfig } from "../support/parsed-config.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Name of the file, then what its store says. */
const stores: [string, string][] = [
  ["out_file", "<format>\nutc true\n</format>"],
  ["out_file_local", ""],
  ["out_file_zone", "<format>\ntimezone +09:00\ndelimiter COMMA\n</format>"],
  ["out_file_format", "<format>\ntime_format %d/%b/%Y:%H:%M:%S.%6N %z\ntimezone Asia/Tokyo\n</format>"],
  ["out_file_float", "<format>\ntime_type float\noutput_tag false\n</format>"],
  ["out_file_unix", "<format>\ntime_type unixtime\ndelimiter SPACE\n</format>"],
  ["json", "<format>\n@type json\n</format>"],
  ["json_joined", "<format>\n@type json\nadd_newline false\n</format>"],
  ["ltsv", "<format>\n@type ltsv\n</format>"],
  ["ltsv_other", "<format>\n@type ltsv\ndelimiter ,\nlabel_delimiter =\nreplacement ;\n</format>"],
  ["csv", "<format>\n@type csv\nfields message,float,nil,absent,$.map.inner\n</format>"],
  ["csv_bare", "<format>\n@type csv\nfields message,float,nil,absent,empty\nforce_quotes false\n</format>"],
  ["tsv", "<format>\n@type tsv\nkeys message,list,map,float,nil,absent\n</format>"],
  ["hash", "<format>\n@type hash\n</format>"],
  ["single_value", "<format>\n@type single_value\n</format>"],
  ["msgpack", "<format>\n@type msgpack\n</format>"],
  ["stdout_format", "<format>\n@type stdout\n</format>"],
  ["inject", "<format>\n@type json\n</format>\n<inject>\nhostname_key host\nhostname h1\nworker_id_key worker\ntag_key tag\ntime_key at\n</inject>"],
  ["inject_text", "<format>\n@type json\n</format>\n<inject>\ntime_key message\ntime_type string\ntime_format %s.%L\n</inject>"],
  ["inject_nanos", "<format>\n@type json\n</format>\n<inject>\ntime_key at\ntime_type unixtime_nanos\n</inject>"],
  ["inject_zone", "<format>\n@type json\n</format>\n<inject>\ntime_key at\ntime_type string\ntime_format %Z|%z|%:z\ntimezone Europe/London\n</inject>"],
  ["inject_millis", "<format>\n@type json\n</format>\n<inject>\ntime_key at\ntime_type unixtime_millis\nworker_id_key at\n</inject>"],
  ["inject_micros", "<format>\n@type ltsv\n</format>\n<inject>\ntime_key at\ntime_type unixtime_micros\n</inject>"],
  ["flat", "format json"],
  ["flat_out_file", "output_time false\ndelimiter COMMA\nutc true"],
  ["flat_out_file_zone", "output_tag false\ntimezone +0530"],
  ["flat_out_file_epoch", "time_as_epoch true"],
  ["flat_out_file_unix", "output_tag true\ntime_as_epoch true"],
  ["flat_time", "format json\ninclude_time_key true"],
  ["flat_time_key", "format json\ninclude_time_key true\ntime_key at\ntime_format %d/%b %H:%M:%S %z\ntimezone -03:00"],
  ["flat_time_key_alone", "format json\ntime_key at"],
  ["flat_time_epoch", "format json\ntime_as_epoch true"],
  ["flat_time_utc", "format json\ninclude_time_key true\nutc true\ninclude_tag_key true"],
  ["flat_tag", "format ltsv\nlabel_delimiter =\ninclude_tag_key true\ntag_key message"],
  ["flat_tag_false", "format json\ninclude_tag_key false\ntag_key name"],
  ["flat_csv", "format csv\nfields message,float\nforce_quotes false\ndelimiter ;"],
  ["flat_single_value", "format single_value\nmessage_key other\nadd_newline false"],
  ["flat_beside_format", "output_tag false\ninclude_tag_key true\n<format>\n@type json\n</format>"],
  ["flat_beside_inject", "format json\ninclude_tag_key true\n<inject>\nworker_id_key worker\n</inject>"],
]; // biome-ignore format: a table

const configuration = (folder: string, port: number) => `
  <source>
    @type forward
    bind 127.0.0.1
    port ${port}
  </source>
  <match fluent.**>
    @type null
  </match>
  <match **>
    @type copy
    <store>
      @type stdout
    </store>
    ${stores
      .map(
        ([name, more]) => `
    <store>
      @type file
      path ${folder}/${name}
      append true
      ${more}
      <buffer []>
        @type memory
        flush_mode immediate
      </buffer>
    </store>`,
      )
      .join("\n")}
  </match>`;

const records = [
  {
    message: "hello",
    float: 1.5,
    nil: null,
    empty: "",
    list: [1, "two", null, { a: 1 }],
    map: { inner: "x", deep: { y: [] } },
  },
  {
    message: 'quote " comma , tab \t newline \n back \\ slash / é 日本 😀 #{x} #$y #z \u007f \u001b\u0000',
    yes: true,
    no: false,
  },
  { message: 12, big: 4294967296, negative: -5, map: {}, list: [] },
  { other: " spaces ", message: " lead" },
];

/** Entries of Forward mode, with numbers that JavaScript alone would not keep. */
function entries(): Buffer {
  const exact = jsonToMsgpack(
    '{"message":"exact","float":1.0,"tiny":1e-7,"large":1e20,"u64":18446744073709551615,"i64":-9223372036854775808}',
  );
  const invalid = Buffer.concat([Buffer.from([0x81]), encode("message"), Buffer.from([0xa3, 0xff, 0x41, 0xc3])]);
  const times = [
    new EventTime(1_700_000_000, 123_456_789),
    new EventTime(1_700_000_001, 500_000_000),
    1_700_000_002,
    new EventTime(1_700_000_003, 999_999_999),
  ];
  const parts = records.map((record, index) => encode([times[index], record]));
  for (const record of [exact, invalid])
    parts.push(Buffer.concat([Buffer.from([0x92]), encode(1_700_000_004), record]));
  return Buffer.concat([Buffer.from([0x92]), encode("my.tag"), Buffer.from([0x90 | parts.length]), ...parts]);
}

async function send(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  // fluentd answers the end of a connection with a reset.
  socket.on("error", () => {}).resume();
  socket.end(entries());
  await closed;
}

const lines = (output: string) => output.split("\n").filter((line) => line.includes(" my.tag: "));

async function runFluentd(folder: string): Promise<string> {
  const port = await freePort();
  const path = join(folder, "..", "fluentd.conf");
  writeFileSync(path, configuration(folder, port));
  const fluentd = await startFluentd(path);
  try {
    await send(port);
    await fluentd.waitFor((output) => lines(output).length >= records.length + 2);
  } finally {
    await fluentd.stop();
  }
  return fluentd.output;
}

async function runSuiro(folder: string): Promise<string> {
  let output = "";
  let wake = () => {};
  const stream = new Writable({
    write(bytes, _encoding, done) {
      output += bytes;
      wake();
      done();
    },
  });
  const { definitions } = await PluginList.load();
  const others = definitions.filter(({ type }) => type !== "stdout");
  const { agent, problems } = createAgent(parsedConfig(configuration(folder, 0)), {
    clock: systemClock,
    logger: new MemoryLog(),
    hostname: "test",
    environment: {},
    plugins: new PluginList([...others, stdoutOutputTo(stream)]),
  });
  assert.deepEqual(problems.errors, []);
  await agent?.start();
  try {
    await send(agent?.addresses[0]?.port as number);
    while (lines(output).length < records.length + 2) await new Promise<void>((resolve) => (wake = resolve));
  } finally {
    await agent?.stop(10_000);
  }
  return output;
}

test("files and standard output hold the same bytes as with fluentd", { skip: withoutFluentd }, async (context) => {
  const zone = process.env.TZ;
  process.env.TZ = "UTC";
  context.after(() => (zone === undefined ? delete process.env.TZ : (process.env.TZ = zone)));
  const [theirs, ours] = ["fluentd", "suiro"].map((name) => join(temporaryFolder(), name)) as [string, string];
  for (const folder of [theirs, ours]) mkdirSync(folder);
  const [theirOutput, ourOutput] = [await runFluentd(theirs), await runSuiro(ours)];
  assert.deepEqual(lines(ourOutput), lines(theirOutput));
  const different: string[] = [];
  for (const name of readdirSync(theirs)) {
    const [wanted, got] = [theirs, ours].map((folder) => readFileSync(join(folder, name)).toString("latin1"));
    if (wanted !== got)
      different.push(`${name}:\n  fluentd ${JSON.stringify(wanted)}\n  Suiro   ${JSON.stringify(got)}`);
  }
  assert.equal(different.join("\n\n"), "");
  assert.deepEqual(readdirSync(ours).sort(), stores.map(([name]) => `${name}.log`).sort());
});
