import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import {
  judgePing,
  parseNetwork,
  plainAddress,
  type SecurityPolicy,
} from "../../../src/forward-protocol/authenticator.ts";
import { createHelo, encodePing, verifyPong } from "../../../src/forward-protocol/handshake.ts";

const helo = createHelo(true);
const identity = { selfHostname: "client", sharedKey: "sekrit", username: "alice", password: "wonder" };
const policy: SecurityPolicy = {
  selfHostname: "server",
  sharedKeys: { all: ["sekrit"] },
  userAuth: false,
  allowAnonymousSource: true,
  users: [{ username: "alice", password: "wonder" }],
  clients: [],
};
const judge = (changes: Partial<SecurityPolicy>, who: Partial<typeof identity> = {}, address = "10.0.0.7") =>
  judgePing(encodePing(helo, "salt", { ...identity, ...who }), helo, address, { ...policy, ...changes });
const client = (network: string, sharedKey = "sekrit", users: string[] = []) => ({
  addresses: parseNetwork(network) as NonNullable<ReturnType<typeof parseNetwork>>,
  sharedKey,
  users,
});

test("the right key is answered with a PONG that proves our own", () => {
  const { reply, refusal, hostname } = judge({});
  assert.equal(refusal, undefined);
  assert.equal(hostname, "client");
  verifyPong(reply, helo, "salt", identity);
});

test("a client may have our own host name", () => {
  assert.equal(judge({}, { selfHostname: "server" }).refusal, undefined);
});

test("a wrong key is refused with fluentd's reason", () => {
  const { reply, refusal } = judge({}, { sharedKey: "guess" });
  assert.equal(refusal?.reason, "shared_key mismatch");
  assert.deepEqual(reply, encode(["PONG", false, "shared_key mismatch", "", ""]));
});

test("what is no PING of six elements is refused", () => {
  for (const value of [["PING", "a", "b", "c", "d"], ["PONG", 1, 2, 3, 4, 5], "text", 7, null]) {
    assert.equal(judgePing(encode(value), helo, "10.0.0.7", policy).refusal?.reason, "invalid ping message");
  }
});

test("without allow_anonymous_source only listed clients get in, and that is asked before the key", () => {
  const listed = { allowAnonymousSource: false, clients: [client("10.0.0.0/24")] };
  assert.equal(judge(listed).refusal, undefined);
  assert.equal(
    judge(listed, { sharedKey: "guess" }, "10.0.1.7").refusal?.reason,
    "anonymous source host '10.0.1.7' denied",
  );
});

test("the first client whose network holds the peer gives the key", () => {
  const clients = [client("10.0.0.7", "first"), client("10.0.0.0/8", "second")];
  assert.equal(judge({ clients }, { sharedKey: "first" }).refusal, undefined);
  assert.equal(judge({ clients }, { sharedKey: "second" }).refusal?.reason, "shared_key mismatch");
  assert.equal(judge({ clients }, { sharedKey: "second" }, "10.9.9.9").refusal, undefined);
  assert.equal(judge({ clients }, {}, "192.0.2.1").refusal, undefined);
});

test("users are asked after the key, each of that name, and only those the client lists", () => {
  const reason = "username/password mismatch";
  const userAuth = true;
  assert.equal(judge({ userAuth }).refusal, undefined);
  assert.equal(judge({ userAuth }, { password: "wrong" }).refusal?.reason, reason);
  assert.equal(judge({ userAuth }, { username: "bob" }).refusal?.reason, reason);
  assert.equal(judge({ userAuth }, { sharedKey: "guess", password: "wrong" }).refusal?.reason, "shared_key mismatch");
  const twice = [{ username: "alice", password: "old" }, ...policy.users];
  assert.equal(judge({ userAuth, users: twice }).refusal, undefined);
  assert.equal(judge({ userAuth, clients: [client("10.0.0.7", "sekrit", ["bob"])] }).refusal?.reason, reason);
  assert.equal(judge({ userAuth, clients: [client("10.0.0.7", "sekrit", ["bob", "alice"])] }).refusal, undefined);
});

test("networks of both families are understood, host bits ignored", () => {
  const holds = (network: string, address: string) =>
    parseNetwork(network)?.check(address, address.includes(":") ? "ipv6" : "ipv4");
  assert.ok(holds("10.1.2.3/8", "10.200.0.1"));
  assert.ok(!holds("10.1.2.3/8", "11.0.0.1"));
  assert.ok(holds("10.0.0.0/255.255.0.0", "10.0.9.9"));
  assert.ok(!holds("10.0.0.0/255.255.0.0", "10.1.0.1"));
  assert.ok(holds("0.0.0.0/0", "203.0.113.9"));
  assert.ok(holds("fd00::/8", "fd12::1"));
  assert.ok(!holds("fd00::/8", "fe80::1"));
  assert.ok(holds("::1", "::1"));
  assert.ok(!holds("10.0.0.0/8", "fd00::1"));
  for (const wrong of [
    "",
    "10.0.0/8",
    "10.0.0.0/33",
    "10.0.0.0/x",
    "name",
    "fd00::/129",
    "10.0.0.0/8/8",
    "10.0.0.0/255.0.255.0",
  ]) {
    assert.equal(parseNetwork(wrong), undefined, wrong);
  }
});

test("an IPv4 peer seen through an IPv6 socket is its IPv4 address", () => {
  assert.equal(plainAddress("::ffff:10.0.0.7"), "10.0.0.7");
  assert.equal(plainAddress("fd00::1"), "fd00::1");
});
