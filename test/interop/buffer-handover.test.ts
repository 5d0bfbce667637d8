import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { decodeMeta, encodeMeta } from "../../src/buffer/meta-file.ts";
import { killedWriter } from "../fault/kill.ts";
import type { ChildProgram } from "../support/child-program.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { encodeFrame, ForwardClient } from "../support/forward-client.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { eventsOf, messagesIn } from "../unit/buffer/buffer-fixture.ts";
import { createOutput } from "../unit/output/output-fixture.ts";

const skip = withoutFluentd;

/** The real fluentd with this configuration; it is gone when the test ends. */
async function fluentdWith(context: TestContext, folder: string, text: string): Promise<ChildProgram> {
  const path = join(folder, "fluent.conf");
  writeFileSync(path, text);
  const fluentd = await startFluentd(path);
  context.after(() => fluentd.stop("SIGKILL"));
  return fluentd;
}

async function receiverFor(context: TestContext): Promise<CollectingReceiver> {
  const receiver = new CollectingReceiver();
  await receiver.start();
  context.after(() => receiver.stop());
  return receiver;
}

for (const compress of ["text", "gzip"]) {
  test(`chunks that a killed fluentd left are delivered; ${compress}`, { skip }, async (context) => {
    const folder = temporaryFolder();
    const path = join(folder, "buffer");
    const port = await freePort();
    const fluentd = await fluentdWith(context, folder, `
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
    const client = await ForwardClient.open(port);
    const seconds = Math.floor(Date.now() / 1000); // not yet due, whenever fluentd looks
    for (const n of [1, 2, 3, 4, 5, 6]) {
      const event = { seconds, record: n < 5 ? { n, pod: "p-1" } : { n } };
      client.send(encodeFrame("Message", n < 5 ? "t.a" : "t.b", [event], `chunk ${n}`));
      await client.acked(`chunk ${n}`);
    }
    client.close();
    await fluentd.stop("SIGKILL");
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
    const timekey = seconds - (seconds % 3600);
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
    assert.deepEqual(readdirSync(path), [".buffer.accounts"]);
  });

  test(`chunks that a killed Suiro left are delivered by fluentd; ${compress}`, { skip }, async (context) => {
    const folder = temporaryFolder();
    const path = join(folder, "buffer");
    const acked = await killedWriter(path, 3000, compress);
    const journal = readdirSync(path).filter((name) => name.includes(".journal-"));
    assert.equal(journal.length, 1);
    const journalBytes = readFileSync(join(path, journal[0] as string));
    const collector = await receiverFor(context);
    const fluentd = await fluentdWith(context, folder, `
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
      collector.messages.flatMap(({ tag, body, compressed }) => {
        assert.match(tag, /^t\.[abc]$/);
        assert.equal(compressed, compress);
        return messagesIn(compress === "gzip" ? gunzipSync(body) : body) as number[];
      });
    await collector.waitFor(() => received().length >= acked.length);
    await fluentd.stop("SIGTERM");
    const numbers = new Set(received());
    assert.deepEqual(
      acked.filter((number) => !numbers.has(number)),
      [],
    );
    // Killed between a chunk's data file and its meta file, fluentd sends the chunk and misses the meta file at the purge.
    const log = fluentd.output.replaceAll(/.*failed to purge buffer chunk.*Errno::ENOENT.*\.log\.meta>\n/g, "");
    assert.doesNotMatch(log, /\[error\]|broken|journal/);
    // fluentd does not look at the lock, nor at a meta file that was to be renamed when Suiro was killed.
    const left = readdirSync(path).filter((name) => !name.startsWith(".buffer.") && !name.endsWith(".meta"));
    assert.deepEqual(left, journal, "fluentd leaves the journal alone, and nothing else behind");
    assert.deepEqual(readFileSync(join(path, journal[0] as string)), journalBytes);
  });
}

test("what fluentd adds to staged chunks of a killed Suiro is not cut off when Suiro is back", {
  skip,
}, async (context) => {
  const folder = temporaryFolder();
  const path = join(folder, "buffer");
  const acked = await killedWriter(path, 700);
  const port = await freePort();
  const fluentd = await fluentdWith(context, folder, `
    <source>\n @type forward\n bind 127.0.0.1\n port ${port}\n </source>
    <match t.**>
      @type forward
      heartbeat_type none
      <server>\n host 127.0.0.1\n port ${await freePort()}\n </server>
      <buffer tag>
        @type file
        path ${path}
        flush_mode interval
        flush_interval 1h
        retry_wait 1h
      </buffer>
    </match>
  `); // biome-ignore format: a configuration
  const client = await ForwardClient.open(port);
  for (const n of [1_000_001, 1_000_002, 1_000_003]) {
    client.send(encodeFrame("Message", "t.a", [{ seconds: 1700000000, record: { n } }], `chunk ${n}`));
    await client.acked(`chunk ${n}`);
  }
  client.close();
  await fluentd.stop("SIGKILL");
  const { output, writer } = createOutput({ buffer: { "@type": "file", path, flush_mode: "lazy" } });
  await output.start();
  await output.flush();
  const delivered = writer.delivered.flat() as number[];
  const wanted = [...acked, 1_000_001, 1_000_002, 1_000_003];
  assert.deepEqual(
    wanted.filter((number) => !delivered.includes(number)),
    [],
  );
  assert.equal(new Set(delivered).size, delivered.length, "none twice");
  await output.stop(new AbortController().signal);
});

test("fluentd takes staged and queued chunks with our names, keys and counts", { skip }, async (context) => {
  const folder = temporaryFolder();
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
  const collector = await receiverFor(context);
  await fluentdWith(context, folder, `
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
  await collector.waitFor(() => collector.messages.length === 2);
  const found = collector.messages.map(({ tag, body, size }) => [tag, size, ...messagesIn(body)]);
  assert.deepEqual(found.sort(), [
    ["t.a", 1, "y"],
    ["t.a", 2, "x", "x"],
  ]);
});
