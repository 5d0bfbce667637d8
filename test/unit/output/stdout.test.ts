import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { NetworkError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { strftime } from "../../../src/event/strftime.ts";
import { localZone } from "../../../src/event/time-zone.ts";
import { bufferedStdoutOutputTo, stdoutOutputTo } from "../../../src/output/stdout.ts";
import { quietDelivery } from "../../support/delivery.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { chunkOfBytes } from "../../support/plain-chunk.ts";
import { pluginContext } from "../../support/plugin-context.ts";

const SECONDS = 1_700_000_000;
const events = EventStream.fromEvents([
  { time: new EventTime(SECONDS, 1), record: { a: 1 } },
  { time: new EventTime(SECONDS, 0, true), record: { b: "x" } },
]);

function setUp(sections = "") {
  const written: string[] = [];
  const stream = new Writable({
    write(bytes, _encoding, done) {
      written.push(bytes.toString());
      done();
    },
  });
  const element = parsedElement(`<match>\n${sections}\n</match>`);
  const definition = stdoutOutputTo(stream);
  const output = definition.create(readSectionOrThrow(definition.table, element), pluginContext(element));
  return { output, stream, written };
}

test("a line has local time with nanoseconds, zone, tag and JSON", async () => {
  const { output, written } = setUp();
  await output.start();
  await output.emit("my.tag", events);
  const time = (nanoseconds: number) =>
    strftime("%Y-%m-%d %H:%M:%S.%N %z", SECONDS, nanoseconds, localZone.offsetAt(SECONDS));
  assert.deepEqual(written, [`${time(1)} my.tag: {"a":1}\n${time(0)} my.tag: {"b":"x"}\n`]);
});

test("<format> and <inject> count, and every event ends with one newline", async () => {
  const single = setUp("<format>\n@type single_value\nmessage_key b\nadd_newline false\n</format>");
  await single.output.emit("t", events);
  assert.deepEqual(single.written, ["\nx\n"]);
  const json = setUp(
    "<format>\n@type json\n</format>\n<inject>\ntag_key tag\ntime_key at\ntime_type unixtime\n</inject>",
  );
  await json.output.emit("t", events);
  assert.deepEqual(json.written, [`{"a":1,"tag":"t","at":${SECONDS}}\n{"b":"x","tag":"t","at":${SECONDS}}\n`]);
  const hash = setUp("<format>\noutput_type hash\n</format>");
  await hash.output.emit("t", events);
  assert.match(hash.written[0] as string, / t: \{"a"=>1\}\n.* t: \{"b"=>"x"\}\n$/);
});

test("emit waits until the stream has taken the line, and a gone reader is an error of the emit alone", async () => {
  const { output, stream } = setUp();
  await output.start();
  stream.destroy();
  await assert.rejects(output.emit("t", events), NetworkError);
});

test("with a buffer the lines of a chunk are written as they were formatted", async () => {
  const written: string[] = [];
  const stream = new Writable({
    write(bytes, _encoding, done) {
      written.push(bytes.toString());
      done();
    },
  });
  const definition = bufferedStdoutOutputTo(stream);
  const element = parsedElement("<match>\n<format>\n@type json\n</format>\n<buffer>\n</buffer>\n</match>");
  const writer = definition.createWriter(readSectionOrThrow(definition.table, element), pluginContext(element));
  const bytes = writer.format?.("t", events) as Buffer;
  await writer.write(chunkOfBytes(bytes, 2, { streamedBy: 5 }), quietDelivery());
  assert.equal(written.join(""), '{"a":1}\n{"b":"x"}\n');
});
