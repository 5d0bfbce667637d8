import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressGuard, networkOf } from "../../../../src/input/forward/address-guard.ts";
import {
  FAILED_LOGIN_WINDOW_MS,
  REMEMBERED_ADDRESSES,
  TRUSTED_ADDRESS_MS,
} from "../../../../src/input/forward/limits.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function guard(addressConnectionLimit = 2, failedLoginLimit = 3) {
  const clock = new ManualClock();
  return { clock, guard: new AddressGuard({ addressConnectionLimit, failedLoginLimit }, clock) };
}

test("an address has so many connections at one time, others are not concerned", () => {
  const { guard: one } = guard();
  assert.equal(one.take("10.0.0.1"), undefined);
  assert.equal(one.take("::ffff:10.0.0.1"), undefined);
  assert.equal(one.take("10.0.0.1"), "address_connection_limit");
  assert.equal(one.take("10.0.0.2"), undefined);
  one.release("10.0.0.1");
  assert.equal(one.take("10.0.0.1"), undefined);
});

test("an address is shut out behind its failed handshakes, for the rest of the minute", () => {
  const { clock, guard: one } = guard();
  for (let failure = 0; failure < 3; failure++) {
    assert.equal(one.take("10.0.0.1"), undefined);
    one.failed("10.0.0.1");
    one.release("10.0.0.1");
  }
  assert.equal(one.take("10.0.0.1"), "failed_login_limit");
  assert.equal(one.take("10.0.0.2"), undefined);
  clock.advance(FAILED_LOGIN_WINDOW_MS - 1);
  assert.equal(one.take("10.0.0.1"), "failed_login_limit");
  clock.advance(1);
  assert.equal(one.take("10.0.0.1"), undefined);
});

test("where someone logged in, failures of others shut nobody out, for an hour", () => {
  const { clock, guard: one } = guard(100);
  one.succeeded("10.0.0.1");
  for (let failure = 0; failure < 10; failure++) one.failed("10.0.0.1");
  assert.equal(one.take("10.0.0.1"), undefined);
  clock.advance(TRUSTED_ADDRESS_MS);
  for (let failure = 0; failure < 10; failure++) one.failed("10.0.0.1");
  assert.equal(one.take("10.0.0.1"), "failed_login_limit");
});

test("the addresses that are remembered are limited, those with connections stay", () => {
  const { guard: one } = guard(1);
  one.take("10.0.0.1");
  for (let count = 0; count < REMEMBERED_ADDRESSES * 2; count++) one.failed(`10.1.${count >> 8}.${count & 255}`);
  assert.equal(one.take("10.0.0.1"), "address_connection_limit");
});

test("of IPv6 the network counts, however its address is written", () => {
  for (const address of ["2001:db8:0:1::7", "2001:0db8:0000:0001:ffff:1:2:3", "2001:db8:0:1:0:0:0:9"]) {
    assert.equal(networkOf(address), "2001:db8:0:1::/64");
  }
  assert.equal(networkOf("::1"), "0:0:0:0::/64");
  assert.equal(networkOf("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(networkOf("::ffff:10.0.0.1"), "10.0.0.1");
});
