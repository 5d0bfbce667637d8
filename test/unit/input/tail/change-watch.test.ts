import assert from "node:assert/strict";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ChangeWatch } from "../../../../src/input/tail/change-watch.ts";
import { GROWING_MS, LOOK_MS, RESTING_MS } from "../../../../src/input/tail/limits.ts";
import { eventually } from "../../../support/eventually.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** A file that is watched, and the looks at it. `grows` is what a look finds. */
async function watched(t: TestContext) {
  const path = join(temporaryFolder(), "app.log");
  writeFileSync(path, "");
  const clock = new ManualClock();
  const state = { looks: 0, grows: true };
  const look = () => {
    state.looks += 1;
    return state.grows;
  };
  const onError = (error: unknown) => assert.fail(String(error));
  const watch = new ChangeWatch({ clock, look, onError });
  watch.add(path);
  await watch.start();
  t.after(() => watch.close());
  /** Appends until a notification has led to a look: chokidar passes some of them over. */
  const appendUntilLook = async () => {
    const before = state.looks;
    await eventually(() => {
      appendFileSync(path, "line\n");
      return state.looks > before;
    });
  };
  return { clock, path, state, watch, appendUntilLook };
}

test("a file that grows is looked at from time to time, and watched again when it rests", {
  timeout: 60_000,
}, async (t) => {
  const { clock, state, appendUntilLook } = await watched(t);
  await appendUntilLook();
  assert.equal(clock.pending, 0, "one notification makes no growing file");
  await appendUntilLook();
  state.looks = 0;
  for (let look = 1; look <= 5; look++) {
    clock.advance(LOOK_MS);
    assert.equal(state.looks, look);
  }
  state.grows = false;
  clock.advance(RESTING_MS);
  const looks = state.looks;
  clock.advance(LOOK_MS);
  assert.equal(state.looks, looks + 1, "what came before the notifications is seen");
  assert.equal(clock.pending, 0);
  clock.advance(GROWING_MS + 1);
  await appendUntilLook();
  assert.equal(clock.pending, 0);
});

test("a file that grows again while it is left is looked at on", { timeout: 60_000 }, async (t) => {
  const { clock, state, appendUntilLook } = await watched(t);
  await appendUntilLook();
  await appendUntilLook();
  state.grows = false;
  clock.advance(RESTING_MS);
  state.grows = true;
  clock.advance(LOOK_MS);
  state.grows = false;
  state.looks = 0;
  clock.advance(RESTING_MS);
  assert.ok(state.looks > 1);
});

test("notifications far apart make no growing file, nor do those of a file that is removed", {
  timeout: 60_000,
}, async (t) => {
  const { clock, path, watch, appendUntilLook } = await watched(t);
  await appendUntilLook();
  clock.advance(GROWING_MS + 1);
  await appendUntilLook();
  assert.equal(clock.pending, 0);
  await appendUntilLook();
  watch.remove(path);
  clock.advance(LOOK_MS);
  assert.equal(clock.pending, 0);
});

test("nothing is looked at after the end", { timeout: 60_000 }, async (t) => {
  const { clock, path, state, watch, appendUntilLook } = await watched(t);
  await appendUntilLook();
  await appendUntilLook();
  const closed = watch.close();
  state.looks = 0;
  appendFileSync(path, "line\n");
  watch.add(path);
  clock.advance(RESTING_MS + LOOK_MS);
  await closed;
  assert.equal(clock.pending, 0);
  assert.equal(state.looks, 0);
});
