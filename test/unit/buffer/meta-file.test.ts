import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMeta, encodeMeta } from "../../../src/buffer/meta-file.ts";
import { encode } from "../../../src/event/msgpack.ts";

const captured = Buffer.from(
  "c1000000004c88a774696d656b6579c0a3746167a7706c61696e2e61a97661726961626c6573c0a373657100a26964c410" +
    "660e09a2c3ee053a4be777b88642a110a17303a163ce6b0322d3a16dce6b0322d3",
  "hex",
);

const meta = {
  metadata: { timekey: undefined, tag: "plain.a", variables: undefined, sequence: 0 },
  id: Buffer.from("660e09a2c3ee053a4be777b88642a110", "hex"),
  size: 3,
  createdAt: 0x6b0322d3,
  modifiedAt: 0x6b0322d3,
};

test("a meta file has exactly the bytes that fluentd 1.18 wrote", () => {
  assert.equal(encodeMeta(meta).toString("hex"), captured.toString("hex"));
});

test("a meta file that fluentd wrote reads back", () => {
  assert.deepEqual(decodeMeta(captured), meta);
});

test("what follows the map is left over and means nothing", () => {
  assert.deepEqual(decodeMeta(Buffer.concat([captured, Buffer.from("ffff00c1", "hex")])), meta);
});

test("variables and the time key are written as fluentd writes them", () => {
  const bytes = encodeMeta({
    ...meta,
    metadata: { ...meta.metadata, timekey: 1700000000, variables: new Map([["pod", "p-1"]]) },
  }).toString("hex");
  assert.ok(bytes.includes(`a774696d656b6579ce${(1700000000).toString(16)}`));
  assert.ok(bytes.includes("a97661726961626c657381a3706f64a3702d31"));
});

test("the bare map from before fluentd 1.0 reads too, with a text id and little else", () => {
  const bytes = encode({ id: "0123456789abcdef", c: 1, m: 2 });
  const read = decodeMeta(bytes);
  assert.equal(read?.id?.toString(), "0123456789abcdef");
  assert.deepEqual([read?.createdAt, read?.modifiedAt, read?.size, read?.metadata.tag], [1, 2, 0, undefined]);
});

test("every cut of a meta file is no meta file, and none throws", () => {
  for (let end = 0; end < captured.length; end++)
    assert.equal(decodeMeta(captured.subarray(0, end)), undefined, `${end}`);
});
