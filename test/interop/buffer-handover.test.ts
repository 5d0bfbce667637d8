import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { decodeMeta, encodeMeta } from "../../src/buffer/meta-file.ts";
import { killedWriter } from "../fault/kill.ts";
import { eventsOf, messagesIn, temporaryFolder } from "../unit/buffer/buffer-fixture.ts";
import { createOutput } from "../unit/output/output-fixture.ts";
import { Collector, FluentdProcess, freePort, sendWithAck, withoutFluentd } from "./fluentd-process.ts";

const skip = withoutFluentd;

for (const compress of ["text", "gzip"]) {
  test(`chunks that a killed fluentd left are delivered; ${compress}`, { skip }, async (context) => {
    const folder = temporaryFolder(context);
    const path = join(folder, "buffer");
    const port = await freePort();
    const fluentd = await FluentdProcess.start(context, folder, `
      <source>\n @type forward\n bind 127.0.0.1\n port ${port}\n </source>
      <match t.**>
        @type forward
        heartbeat_type none
        <server>\n host 127.0.0.1\n port ${await freePort()}\n </server>
        <buffer tag, pod, time>
          @type file
          path ${path}
          compress ${compress}
          flush_mode interval
          flush_interval 1h
          timekey 1h
          timekey_use_utc true
          chunk_limit_records 3
          retry_wait 1h
        </buffer>
      </match>
    `); // biome-ignore format: a configuration
    for (const n of [1, 2, 3, 4]) await sendWithAck(port, "t.a", { n, pod: "p-1" });
    for (const n of [5, 6]) await sendWithAck(port, "t.b", { n });
    await fluentd.end("SIGKILL");
    const names = readdirSync(path).filter((name) => !name.endsWith(".meta"));
    assert.deepEqual(names.map((name) => name.slice(0, "buffer.b".length)).sort(), [
      "buffer.b",
      "buffer.b",
      "buffer.q",
    ]);
    for (const name of names) {
      const bytes = readFileSync(join(path, `${name}.meta`));
      const meta = decodeMeta(bytes);
      assert.ok(meta?.id && meta.createdAt && meta.modifiedAt);
      const again = encodeMeta({ ...meta, id: meta.id, createdAt: meta.createdAt, modifiedAt: meta.modifiedAt });
      assert.deepEqual(again, bytes, "our meta bytes are fluentd's");
    }

    const { output, writer } = createOutput({
      keys: "tag, pod, time",
      buffer: { "@type": "file", path, compress, timekey: "1h", timekey_use_utc: "true" },
    });
    await output.start();
    await output.flush();
    const found = writer.attempts.map(({ chunk }, index) => {
      const { tag, timekey, variables } = chunk.metadata;
      return { tag, timekey, pod: variables?.get("pod"), messages: writer.delivered[index] };
    });
    const timekey = 1699999200;
    assert.deepEqual(
      found.sort((left, right) => Number(left.messages?.[0]) - Number(right.messages?.[0])),
      [
        { tag: "t.a", timekey, pod: "p-1", messages: [1, 2, 3] },
        { tag: "t.a", timekey, pod: "p-1", messages: [4] },
        { tag: "t.b", timekey, pod: null, messages: [5, 6] },
      ],
    );
    assert.ok(
      names.every((name) => writer.ids.some((id) => name.includes(id))),
      "ids stay",
    );
    await output.stop(new AbortController().signal);
    assert.deepEqual(readdirSync(path), []);
  });

  test(`chunks that a killed Suiro left are delivered by fluentd; ${compress}`, { skip }, async (context) => {
    const folder = temporaryFolder(context);
    const path = join(folder, "buffer");
    const acked = await killedWriter(path, 3000, compress);
    const collector = await Collector.listen(context);
    const fluentd = await FluentdProcess.start(context, folder, `
      <match t.**>
        @type forward
        heartbeat_type none
        compress ${compress}
        <server>\n host 127.0.0.1\n port ${collector.port}\n </server>
        <buffer tag>
          @type file
          path ${path}
          flush_interval 1s
          flush_thread_count 4
        </buffer>
      </match>
    `); // biome-ignore format: a configuration
    const received = () =>
      collector.messages.flatMap(({ tag, entries, option }) => {
        assert.match(tag, /^t\.[abc]$/);
        assert.equal(Buffer.from((option.compressed as Uint8Array) ?? "").toString(), compress);
        return messagesIn(compress === "gzip" ? gunzipSync(entries) : entries) as number[];
      });
    await collector.until(() => received().length >= acked.length);
    await fluentd.end("SIGTERM");
    const numbers = new Set(received());
    assert.deepEqual(
      acked.filter((number) => !numbers.has(number)),
      [],
    );
    assert.doesNotMatch(fluentd.log, /\[(warn|error)\]/);
    assert.deepEqual(readdirSync(path), []);
  });
}

test("fluentd takes staged and queued chunks with our names, keys and counts", { skip }, async (context) => {
  const folder = temporaryFolder(context);
  const path = join(folder, "buffer");
  const buffer = { "@type": "file", path, timekey: "1d", flush_mode: "lazy", chunk_limit_records: "2" };
  const { output, writer } = createOutput({ keys: "tag, time, n", buffer });
  await output.start();
  writer.behave = () => new Promise(() => {});
  await output.emit("t.a", eventsOf("x", "x", "y"));
  const deadline = AbortSignal.abort();
  await output.stop(deadline);
  const states = readdirSync(path)
    .filter((name) => name.endsWith(".meta"))
    .map((name) => name[7]);
  assert.deepEqual(states.sort(), ["b", "q"]);
  const collector = await Collector.listen(context);
  await FluentdProcess.start(context, folder, `
    <match t.**>
      @type forward
      heartbeat_type none
      <server>\n host 127.0.0.1\n port ${collector.port}\n </server>
      <buffer tag, time, n>
        @type file
        path ${path}
        timekey 1d
        timekey_wait 0
      </buffer>
    </match>
  `); // biome-ignore format: a configuration
  await collector.until(() => collector.messages.length === 2);
  const found = collector.messages.map(({ tag, entries, option }) => [
    tag,
    Number(option.size),
    ...messagesIn(entries),
  ]);
  assert.deepEqual(found.sort(), [
    ["t.a", 1, "y"],
    ["t.a", 2, "x", "x"],
  ]);
});
