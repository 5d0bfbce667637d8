import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { readSectionOrThrow } from "../../../src/config/parameters.ts";
import { BufferIoError, UnrecoverableError } from "../../../src/errors.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { EventTime } from "../../../src/event/event-time.ts";
import { fileOutput } from "../../../src/output/file.ts";
import { secondaryFileOutput } from "../../../src/output/secondary-file.ts";
import type { BufferedOutputDefinition } from "../../../src/plugin.ts";
import { quietDelivery } from "../../support/delivery.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { chunkOfBytes, type PlainChunkOptions } from "../../support/plain-chunk.ts";
import { pluginContext } from "../../support/plugin-context.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const delivery = quietDelivery();

function writer(definition: BufferedOutputDefinition<any>, text: string) {
  const element = parsedElement(text);
  return definition.createWriter(readSectionOrThrow(definition.table, element), pluginContext(element));
}
const file = (text: string) => writer(fileOutput, `<match>\n${text}\n<buffer tag>\n</buffer>\n</match>`);
const secondary = (text: string) =>
  writer(secondaryFileOutput, `<secondary>\n${text}\n<buffer tag>\n</buffer>\n</secondary>`);
const chunk = (text: string, options: PlainChunkOptions = {}) => chunkOfBytes(Buffer.from(text), 1, options);

test("chunks go to numbered files, or all to one with append", async () => {
  const folder = temporaryFolder();
  const numbered = file(`path ${folder}/n.\${tag}`);
  for (const text of ["1\n", "2\n"]) await numbered.write(chunk(text, { streamedBy: 1 }), delivery);
  const appended = file(`path ${folder}/sub/a.\${tag}\nappend true`);
  await Promise.all(["3\n", "4\n"].map((text) => appended.write(chunk(text), delivery)));
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  assert.deepEqual(["n.test.tag_0.log", "n.test.tag_1.log", "sub/a.test.tag.log"].map(read), ["1\n", "2\n", "3\n4\n"]);
  assert.equal(statSync(join(folder, "n.test.tag_0.log")).mode & 0o777 & ~0o022, 0o644 & ~0o022);
});

test("a file that is there is never written over", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "f.test.tag_0.log"), "old");
  const output = file(`path ${folder}/f.\${tag}`);
  await output.write(chunk("new"), delivery);
  assert.equal(readFileSync(join(folder, "f.test.tag_0.log"), "utf8"), "old");
  assert.equal(readFileSync(join(folder, "f.test.tag_1.log"), "utf8"), "new");
});

test("compress gzip compresses text, passes gzip on, and makes one member of it with recompress", async () => {
  const folder = temporaryFolder();
  const members = Buffer.concat([gzipSync("a\n"), gzipSync("b\n")]);
  const read = (name: string) => readFileSync(join(folder, name));
  await file(`path ${folder}/t.\${tag}\ncompress gzip`).write(chunk("x\n"), delivery);
  await file(`path ${folder}/g.\${tag}\ncompress gz`).write(
    chunkOfBytes(members, 2, { compression: "gzip" }),
    delivery,
  );
  await file(`path ${folder}/r.\${tag}\ncompress gzip\nrecompress true`).write(
    chunkOfBytes(members, 2, { compression: "gzip" }),
    delivery,
  );
  await file(`path ${folder}/p.\${tag}`).write(chunkOfBytes(members, 2, { compression: "gzip" }), delivery);
  assert.equal(gunzipSync(read("t.test.tag_0.log.gz")).toString(), "x\n");
  assert.deepEqual(read("g.test.tag_0.log.gz"), members);
  assert.equal(gunzipSync(read("r.test.tag_0.log.gz")).toString(), "a\nb\n");
  assert.notDeepEqual(read("r.test.tag_0.log.gz"), members);
  assert.equal(read("p.test.tag_0.log").toString(), "a\nb\n");
});

test("symlink_path points to the file written last", async () => {
  const folder = temporaryFolder();
  const output = file(`path ${folder}/f.\${tag}\nsymlink_path ${folder}/current`);
  for (const text of ["1", "2"]) await output.write(chunk(text), delivery);
  assert.equal(readlinkSync(join(folder, "current")), join(folder, "f.test.tag_1.log"));
});

test("a write that fails leaves nothing behind: the chunk comes again", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.test.tag.log"), "kept\n");
  const broken = {
    ...chunk(""),
    blocks: () => undefined,
    async *read() {
      yield Buffer.from("half");
      throw new BufferIoError("the disk is gone");
    },
  };
  await assert.rejects(file(`path ${folder}/a.\${tag}\nappend true`).write(broken, delivery), /the disk is gone/);
  await assert.rejects(file(`path ${folder}/n.\${tag}`).write(broken, delivery), /the disk is gone/);
  await assert.rejects(file(`path ${folder}/z.\${tag}\ncompress gzip`).write(broken, delivery), /the disk is gone/);
  assert.deepEqual(readdirSync(folder), ["a.test.tag.log"]);
  assert.equal(readFileSync(join(folder, "a.test.tag.log"), "utf8"), "kept\n");
});

test("a tag cannot lead out of the folder, through a link, or into a name that no disk takes", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "in"));
  writeFileSync(join(folder, "outside"), "");
  symlinkSync(join(folder, "outside"), join(folder, "in", "link.log"));
  const output = file(`path ${folder}/in/\${tag}\nappend true`);
  for (const tag of ["../outside", "..", "link", "x".repeat(400)]) {
    await assert.rejects(output.write(chunk("evil", { tag }), delivery), UnrecoverableError, tag);
  }
  assert.equal(readFileSync(join(folder, "outside"), "utf8"), "");
});

test("records are formatted as out_file, or as <format> says, with the fields of <inject>", () => {
  const events = EventStream.fromEvents([{ time: new EventTime(1_700_000_000, 5), record: { a: 1 } }]);
  const text = (sections: string) => file(`path /tmp/suiro-none/\${tag}\n${sections}`).format?.("t", events).toString();
  assert.equal(text("<format>\nutc true\n</format>"), '2023-11-14T22:13:20Z\tt\t{"a":1}\n');
  assert.equal(text("<format>\n@type json\n</format>\n<inject>\ntag_key tag\n</inject>"), '{"a":1,"tag":"t"}\n');
  assert.equal(text("format ltsv"), "a:1\n");
});

test("secondary_file keeps the bytes of chunks, numbered or appended", async () => {
  const folder = temporaryFolder();
  const bytes = Buffer.from([0x92, 0xff, 0x00]);
  const numbered = secondary(`directory ${folder}/\${tag}`);
  for (let round = 0; round < 2; round++) await numbered.write(chunkOfBytes(bytes, 1), delivery);
  const appended = secondary(`directory ${folder}\nbasename all.\${chunk_id}\nappend true\ncompress gzip`);
  const plain = chunkOfBytes(bytes, 1, { id: Buffer.alloc(16, 1) });
  for (let round = 0; round < 2; round++) await appended.write(plain, delivery);
  assert.deepEqual(readFileSync(join(folder, "test.tag", "dump.bin.1")), bytes);
  const gzip = readFileSync(join(folder, `all.${"01".repeat(16)}.gz`));
  assert.deepEqual(gunzipSync(gzip), Buffer.concat([bytes, bytes]));
});

test("secondary_file says what does not fit", () => {
  assert.throws(
    () => writer(secondaryFileOutput, "<match>\ndirectory /tmp\n</match>"),
    /only be used in the <secondary>/,
  );
  assert.throws(() => secondary("directory /tmp\nbasename a/b"), /basename should not include `\/`/);
  assert.throws(() => secondary("directory /tmp/%Y"), /incompatible placeholder, remove time formats, like `%Y%m%d`/);
  assert.throws(() => secondary("directory /tmp/${pod}"), /incompatible placeholder pod, remove variable placeholder/);
});
