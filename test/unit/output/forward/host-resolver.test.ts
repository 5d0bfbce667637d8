import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkError } from "../../../../src/errors.ts";
import { HostResolver } from "../../../../src/output/forward/host-resolver.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function resolver(expireSeconds: number | undefined, roundRobin = false) {
  const clock = new ManualClock();
  let asked = 0;
  const resolve = async () => [`10.0.0.${++asked}`, "10.0.1.1", "10.0.1.2"];
  return {
    clock,
    asked: () => asked,
    resolver: new HostResolver({ host: "x", expireSeconds, roundRobin, clock, resolve }),
  };
}

test("addresses are kept for ever, for their time, or not at all", async () => {
  for (const [expire, expected] of [
    [undefined, [1, 1, 1]],
    [10, [1, 1, 2]],
    [0, [1, 2, 3]],
  ] as const) {
    const { clock, asked, resolver: host } = resolver(expire);
    const counts: number[] = [];
    for (const wait of [0, 9_999, 1]) {
      clock.advance(wait);
      await host.addresses();
      counts.push(asked());
    }
    assert.deepEqual(counts, expected, `expire ${expire}`);
  }
});

test("after forget the name is resolved again", async () => {
  const { resolver: host } = resolver(undefined);
  assert.equal((await host.addresses())[0], "10.0.0.1");
  host.forget();
  assert.equal((await host.addresses())[0], "10.0.0.2");
});

test("round robin begins anywhere and still has every address", async () => {
  const { resolver: host } = resolver(undefined, true);
  const firsts = new Set<string | undefined>();
  for (let count = 0; count < 200; count++) {
    const addresses = await host.addresses();
    assert.equal(new Set(addresses).size, 3);
    firsts.add(addresses[0]);
  }
  assert.equal(firsts.size, 3);
});

test("a name without address, or that does not resolve, is an error that names it", async () => {
  const clock = new ManualClock();
  for (const resolve of [async () => [], async () => Promise.reject(new Error("ENOTFOUND"))]) {
    const host = new HostResolver({ host: "nowhere", expireSeconds: 0, roundRobin: false, clock, resolve });
    await assert.rejects(host.addresses(), (error) => error instanceof NetworkError && /nowhere/.test(error.message));
  }
});
