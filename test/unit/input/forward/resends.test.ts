import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { createChunkId } from "../../../../src/buffer/chunk-id.ts";
import { type HeldChunk, type Holder, Holdings } from "../../../../src/buffer/holdings.ts";
import { Counters } from "../../../../src/counters.ts";
import { WHOLE } from "../../../../src/event/origin.ts";
import { type ResendIds, Resends } from "../../../../src/input/forward/resends.ts";
import { encode } from "../../../support/forward-client.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const body = Buffer.from("some events");

function setup(ids: ResendIds, held: readonly HeldChunk[] = []) {
  const clock = new ManualClock();
  const counters = new Counters();
  const holdings = new Holdings();
  const holder: Holder = {
    heldChunk: () => held,
    heldFile: () => undefined,
    forgetFile: () => {},
    whenSafe: async () => {},
  };
  holdings.add(holder);
  const resends = new Resends({ ackAfter: "synced", ids, holdings, clock, counters });
  const sourceOf = (id: string | Buffer, tag = "t", bytes = body) => {
    const read = Buffer.concat([Buffer.from("before"), encode(id), Buffer.from("behind")]);
    const [start, end] = [6, read.length - 6];
    return resends.knows(read, start, end)
      ? resends.sourceOf(read.toString("latin1", start, end), tag, bytes)
      : undefined;
  };
  return { resends, clock, counters, sourceOf };
}

test("fluentd's ids tell a chunk that comes again; hashes, random ids and other shapes do not", () => {
  const { sourceOf, clock } = setup("time_ordered");
  const own = createChunkId(clock);
  assert.ok(sourceOf(own.toString("base64")));
  const fluentd = Buffer.concat([own.subarray(0, 8), randomBytes(8)]);
  assert.ok(sourceOf(`${fluentd.toString("base64")}\n`), "as Ruby encodes it");
  const hash = createHash("sha512").update(body).digest("hex").slice(0, 32);
  for (const id of [hash, createHash("md5").update(body).digest("base64"), "chunk 1", "", own.toString("hex")]) {
    assert.equal(sourceOf(id), undefined, id);
  }
  clock.advance(91 * 86_400_000);
  assert.equal(sourceOf(own.toString("base64")), undefined, "too old to be still on its way");
});

test("with `all` every id counts, with `none` none does", () => {
  assert.ok(setup("all").sourceOf("chunk 1"));
  const { sourceOf, clock } = setup("none");
  assert.equal(sourceOf(createChunkId(clock).toString("base64")), undefined);
});

test("an id with another tag or other bytes is another chunk", () => {
  const { sourceOf } = setup("all");
  const { checksum } = sourceOf("id") as { checksum: number };
  assert.notEqual(sourceOf("id", "u")?.checksum, checksum);
  assert.notEqual(sourceOf("id", "t", Buffer.from("some Events"))?.checksum, checksum);
  assert.equal(sourceOf("id")?.checksum, checksum);
  const ofTag = (tag: string) => sourceOf("id", tag, Buffer.from(`events that end with ${tag}`))?.checksum;
  assert.notEqual(ofTag("app.x"), ofTag("app.y"));
});

test("what every output holds may be acked; what some hold is taken again; equal ids with other bytes are new", async () => {
  const probe = setup("all").sourceOf("id") as NonNullable<ReturnType<ReturnType<typeof setup>["sourceOf"]>>;
  const whole = setup("all", [{ checksum: probe.checksum, from: 0, to: WHOLE }]);
  await whole.resends.find(probe);
  assert.equal(whole.counters.get("resent_chunks"), 1);
  assert.equal(whole.resends.find({ ...probe, checksum: probe.checksum + 1 }), "new");
  const part = setup("all", [{ checksum: probe.checksum, from: 0, to: WHOLE / 2 }]);
  assert.equal(part.resends.find(probe), "part");
  assert.equal(part.counters.get("resent_chunks"), 0);
});

test("a chunk that comes again while it is on its way shares its fate", async () => {
  const { resends, sourceOf } = setup("all");
  const source = sourceOf("id") as NonNullable<ReturnType<typeof sourceOf>>;
  let refuse = (_: Error) => {};
  const delivered = new Promise<void>((_, reject) => {
    refuse = reject;
  });
  resends.gather(source);
  assert.equal(resends.find({ ...source }), "gathered");
  resends.begin([source], delivered);
  const again = resends.find(source);
  refuse(new Error("the buffer is full"));
  await assert.rejects(async () => again, /the buffer is full/);
  assert.equal(resends.find(source), "new", "refused is not held");
});
