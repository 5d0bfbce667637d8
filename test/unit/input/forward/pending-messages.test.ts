import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingMessages } from "../../../../src/input/forward/pending-messages.ts";

function connections(count: number) {
  const gone: number[] = [];
  const all = Array.from({ length: count }, (_, index) => ({ giveWay: () => void gone.push(index) }));
  return { all, gone };
}

test("within the limit nobody gives way, and what is whole counts no more", () => {
  const { all, gone } = connections(2);
  const pending = new PendingMessages(100);
  pending.set(all[0]!, 60, true);
  pending.set(all[0]!, 0, true);
  pending.set(all[1]!, 100, true);
  assert.equal(pending.total, 100);
  assert.deepEqual(gone, []);
});

test("beyond it the message that began first gives way, and only as many as must", () => {
  const { all, gone } = connections(4);
  const pending = new PendingMessages(100);
  for (const connection of all.slice(0, 3)) pending.set(connection, 30, true);
  pending.set(all[0]!, 31, false);
  pending.set(all[3]!, 30, true);
  assert.deepEqual(gone, [0]);
  assert.equal(pending.total, 90);
});

test("a connection whose message is a new one is not the oldest any more", () => {
  const { all, gone } = connections(3);
  const pending = new PendingMessages(100);
  pending.set(all[0]!, 40, true);
  pending.set(all[1]!, 40, true);
  pending.set(all[0]!, 40, true);
  pending.set(all[2]!, 40, true);
  assert.deepEqual(gone, [1]);
});
