import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { readPlain } from "../../src/buffer/compression.ts";
import { type FileSystem, nodeFileSystem } from "../../src/buffer/file-system.ts";
import { BufferOverflowError } from "../../src/errors.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import {
  type BufferFixture,
  type BufferFixtureOptions,
  batchOf,
  bytesOf,
  createBuffer,
  eventsOf,
  messagesIn,
} from "../unit/buffer/buffer-fixture.ts";

/** Every file buffer keeps its journal open. */
const JOURNAL_FILES = 1;

/** What every buffer does, whatever it keeps its chunks in. */
const kinds: [string, (folder: string) => BufferFixtureOptions][] = [
  ["memory", () => ({})],
  ["file", (folder) => ({ folder })],
  ["file, on disk only", (folder) => ({ folder, retainedLimitBytes: 0 })],
  ["file, gzip", (folder) => ({ folder, compression: "gzip" })],
];

for (const [name, optionsFor] of kinds) {
  describe(`${name} buffer`, () => {
    const entryBytes = eventsOf(1).packed.length;
    // Sizes of compressed chunks cannot be told beforehand.
    const testPlain = (title: string, body: (context: TestContext) => Promise<void>) =>
      name.includes("gzip") ? undefined : test(title, body);

    test("an append is staged, and its events come out in order, byte for byte", async () => {
      const { buffer } = createBuffer(optionsFor(temporaryFolder()));
      await buffer.start();
      await Promise.all([
        buffer.append([batchOf("a", eventsOf(1, 2))], false),
        buffer.append([batchOf("b", eventsOf(10))], false),
        buffer.append([batchOf("a", eventsOf(3))], false),
      ]);
      assert.equal(buffer.stats().stageLength, 2);
      assert.equal(buffer.take(), undefined);
      buffer.enqueueAll();
      assert.deepEqual(await drain(buffer), [
        ["a", 1, 2, 3],
        ["b", 10],
      ]);
      assert.deepEqual([buffer.stats().totalBytes, buffer.stats().retainedBytes], [0, 0]);
      await buffer.close();
    });

    test("however much is queued, memory and open files stay within their limits", async () => {
      const options = optionsFor(temporaryFolder());
      const files = new CountingFiles();
      const retainedLimitBytes = options.retainedLimitBytes ?? 64 * 1024;
      const { buffer } = createBuffer({ ...options, retainedLimitBytes, fileSystem: files.fileSystem });
      await buffer.start();
      const large = eventsOf("x".repeat(3000));
      for (let n = 0; n < 600; n++) await buffer.append([batchOf(`t${n}`, large)], n % 2 === 0);
      assert.equal(buffer.stats().stageLength, 300);
      if (options.folder) {
        assert.ok(buffer.stats().retainedBytes <= retainedLimitBytes);
        assert.ok(files.open <= 256 + JOURNAL_FILES, `${files.open} are open`);
      }
      buffer.enqueueAll();
      assert.equal(files.open, options.folder ? JOURNAL_FILES : 0);
      assert.equal((await drain(buffer)).length, 600);
      await buffer.close();
    });

    test("enqueue at once makes a chunk per append", async () => {
      const { buffer } = createBuffer(optionsFor(temporaryFolder()));
      await buffer.start();
      await buffer.append([batchOf("a", eventsOf(1))], true);
      await buffer.append([batchOf("a", eventsOf(2))], true);
      assert.deepEqual(await drain(buffer), [
        ["a", 1],
        ["a", 2],
      ]);
      await buffer.close();
    });

    test("takeback puts the chunk back at the head of the queue, behind older ones", async () => {
      const { buffer } = createBuffer(optionsFor(temporaryFolder()));
      await buffer.start();
      for (const n of [1, 2, 3]) await buffer.append([batchOf("a", eventsOf(n))], true);
      const [first, second] = [buffer.take()!, buffer.take()!];
      assert.ok(buffer.takeBack(first));
      assert.ok(buffer.takeBack(second));
      assert.ok(!buffer.takeBack(second), "only once");
      assert.ok(!buffer.purge(second), "a queued chunk cannot be purged");
      assert.deepEqual(await drain(buffer), [
        ["a", 1],
        ["a", 2],
        ["a", 3],
      ]);
      await buffer.close();
    });

    test("a full buffer refuses, and takes again after a purge", async () => {
      const { buffer } = createBuffer({ ...optionsFor(temporaryFolder()), totalLimitBytes: 1 });
      await buffer.start();
      await buffer.append([batchOf("a", eventsOf(1))], true);
      await assert.rejects(buffer.append([batchOf("a", eventsOf(2))], true), BufferOverflowError);
      buffer.purge(buffer.take()!);
      await buffer.append([batchOf("a", eventsOf(3))], true);
      assert.deepEqual(await drain(buffer), [["a", 3]]);
      await buffer.close();
    });

    test("a chunk with chunk_limit_records events is queued at once", async () => {
      const { buffer } = createBuffer({ ...optionsFor(temporaryFolder()), chunkLimitRecords: 2 });
      await buffer.start();
      await buffer.append([batchOf("a", eventsOf(1))], false);
      await buffer.append([batchOf("a", eventsOf(2, 3, 4, 5))], false);
      const chunks = await drain(buffer);
      assert.deepEqual(
        chunks.map((chunk) => chunk.length - 1),
        [1, 2, 2],
      );
      assert.deepEqual(
        chunks.flatMap((chunk) => chunk.slice(1)),
        [1, 2, 3, 4, 5],
      );
      await buffer.close();
    });

    testPlain("what does not fit beside a staged chunk goes into the next; what fits no chunk is split", async () => {
      const limit = entryBytes * 4;
      const { buffer } = createBuffer({
        ...optionsFor(temporaryFolder()),
        chunkLimitBytes: limit,
        chunkFullThreshold: 1,
      });
      await buffer.start();
      await buffer.append([batchOf("a", eventsOf(1, 2))], false);
      await buffer.append([batchOf("a", eventsOf(3, 4, 5))], false);
      await buffer.append([batchOf("a", eventsOf(6, 7, 8, 9, 10, 11, 12, 13, 14))], false);
      buffer.enqueueAll();
      const chunks = await drain(buffer);
      assert.ok(
        chunks.every((chunk) => chunk.length - 1 <= 4),
        JSON.stringify(chunks),
      );
      assert.deepEqual(chunks[0], ["a", 1, 2]);
      assert.deepEqual(
        chunks.flatMap((chunk) => chunk.slice(1)),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
      );
      await buffer.close();
    });

    testPlain("a record larger than a chunk is dropped, counted and logged; the others stay", async () => {
      const { buffer, counters, lines } = createBuffer({
        ...optionsFor(temporaryFolder()),
        chunkLimitBytes: 100,
      });
      await buffer.start();
      const large = "x".repeat(200);
      await buffer.append([batchOf("a", eventsOf(1, large, 2))], false);
      buffer.enqueueAll();
      assert.deepEqual(
        (await drain(buffer)).flatMap((chunk) => chunk.slice(1)),
        [1, 2],
      );
      assert.equal(counters.get("dropped_events", "larger_than_chunk_limit"), 1);
      const bytes = eventsOf(large).packed.length;
      assert.deepEqual(
        lines.filter(({ level }) => level === "error").map(({ message }) => message),
        [`a ${bytes} bytes record (nth: 1) is larger than buffer chunk limit size (100)`],
      );
      await buffer.close();
    });
  });
}

/** Counts the descriptors that are open. */
class CountingFiles {
  open = 0;
  readonly fileSystem: FileSystem = {
    ...nodeFileSystem,
    open: (...given) => {
      this.open += 1;
      return nodeFileSystem.open(...given);
    },
    close: (file) => {
      this.open -= 1;
      nodeFileSystem.close(file);
    },
  };
}

/** Takes and purges every queued chunk: its tag and its messages. */
async function drain(buffer: BufferFixture["buffer"]): Promise<unknown[][]> {
  const chunks: unknown[][] = [];
  for (let chunk = buffer.take(); chunk; chunk = buffer.take()) {
    const messages = messagesIn(await bytesOf(readPlain(chunk)));
    assert.equal(chunk.size, messages.length);
    chunks.push([chunk.metadata.tag, ...messages]);
    buffer.purge(chunk);
  }
  return chunks;
}
