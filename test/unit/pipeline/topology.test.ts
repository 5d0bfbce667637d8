import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createAgent } from "../../../src/agent.ts";
import { systemClock } from "../../../src/clock.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { PluginList } from "../../../src/pipeline/plugin-list.ts";
import type { Output } from "../../../src/plugin.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parsedConfig } from "../../support/parsed-config.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const events = EventStream.fromEvents([{ time: new EventTime(1_700_000_000, 0), record: { a: 1 } }]);

const plugins = await PluginList.load();

function setUp(text: string) {
  const log = new MemoryLog();
  const { agent, problems } = createAgent(parsedConfig(text), {
    clock: systemClock,
    logger: log,
    hostname: "h",
    environment: {},
    plugins,
  });
  const errors = problems.errors.map(({ message }) => message);
  const warnings = problems.warnings.map(({ message }) => message);
  const output = agent?.plugins.find(({ kind }) => kind === "output")?.plugin as Output;
  return { agent, log, errors, warnings, output };
}

test("out_file keeps its buffer beside its files unless the buffer has a path", async () => {
  const folder = temporaryFolder();
  const { agent, output, errors } = setUp(`
    <match **>
      @type file
      path ${folder}/out
    </match>`);
  assert.deepEqual(errors, []);
  await agent?.start();
  await output.emit("my.tag", events);
  assert.match(readdirSync(join(folder, "out")).join(), /(^|,)buffer\.b[0-9a-f]{32}\.log/);
  await agent?.flush();
  await agent?.stop(5000);
  const [name] = readdirSync(folder).filter((entry) => entry.endsWith("_0.log"));
  assert.match(name as string, /^out\.2023111[45]_0\.log$/);
  assert.match(readFileSync(join(folder, name as string), "utf8"), /^2023-11-1\dT.*\tmy\.tag\t\{"a":1\}\n$/);
});

test("chunks that an output gives up go to its <secondary>, which knows the keys of the buffer", async () => {
  const folder = temporaryFolder();
  const { agent, output, errors } = setUp(`
    <match **>
      @type file
      path ${folder}/\${tag}/out
      format json
      <buffer tag>
        @type memory
        flush_mode immediate
        retry_max_times 1
        retry_wait 0.01
      </buffer>
      <secondary>
        @type secondary_file
        directory ${folder}/secondary
        basename \${chunk_id}
      </secondary>
    </match>`);
  assert.deepEqual(errors, []);
  await agent?.start();
  await output.emit("..", events);
  await agent?.flush();
  await agent?.stop(5000);
  assert.deepEqual(readdirSync(folder), ["secondary"]);
  const [name] = readdirSync(join(folder, "secondary"));
  assert.match(name as string, /^[0-9a-f]{32}\.0$/);
  assert.equal(readFileSync(join(folder, "secondary", name as string), "utf8"), '{"a":1}\n');
});

test("what is wrong with a <secondary> is found before anything starts", () => {
  const of = (secondary: string) =>
    setUp(`<match **>\n@type null\n<buffer tag>\n</buffer>\n<secondary>\n${secondary}\n</secondary>\n</match>`).errors;
  assert.match(of("@type nosuch")[0] as string, /Unknown output plugin 'nosuch'/);
  assert.match(of("@type copy")[0] as string, /'copy' cannot be a <secondary>/);
  assert.match(of("@type secondary_file")[0] as string, /'directory' parameter is required, in section secondary/);
  assert.match(of("@type secondary_file\ndirectory /tmp/${pod}")[0] as string, /incompatible placeholder pod/);
  assert.deepEqual(of("@type secondary_file\ndirectory /tmp/${tag}"), []);
});

test("two outputs with one buffer path are found before anything starts", () => {
  const match = "<match x>\n@type null\n<buffer>\n@type file\npath /tmp/suiro-same\n</buffer>\n</match>\n";
  assert.match(setUp(match + match).errors[0] as string, /already use same buffer path/);
});

test("what stands behind a match of everything is never reached, and is told so", () => {
  const { warnings } = setUp(
    "<match a>\n@type null\n</match>\n<match **>\n@type null\n</match>\n<match b>\n@type null\n</match>",
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /^<match b> is never reached: <match \*\*> at .+:4 takes every event$/);
});

test("everything that is wrong in a buffer is found in one run, and nothing of it twice", () => {
  const { errors, warnings } = setUp(`
    <match **>
      @type stdout
      <buffer tag>
        flush_intervall 5s
        flush_mode intervall
        overflow_action blok
      </buffer>
    </match>`);
  assert.deepEqual(
    errors.map((message) => message.replace(/^.*?:\d+: (\w+).*/, "$1")),
    ["flush_mode", "overflow_action"],
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] as string, /'flush_intervall' .* Did you mean 'flush_interval'\?/);
});

test("a source whose label is nowhere is an error, not a source whose events find no output", () => {
  const { errors } = setUp(`
    <source>
      @type sample
      tag a
      @label @MISING
    </source>
    <label @MISSING>
      <match **>
        @type null
      </match>
    </label>`);
  assert.deepEqual(errors, ["test.conf:5: @MISING label not found"]);
});

test("sections that nobody reads are warned about, with the nearest name", () => {
  const { warnings } = setUp(`
    <mach **>
      @type null
    </mach>
    <label @A>
      <source>
        @type forward
      </source>
      <match **>
        @type null
      </match>
    </label>`);
  assert.deepEqual(warnings, [
    "section <mach> is not used. Did you mean <match>?",
    "section <source> is not used in <label @A>.",
  ]);
});
