import assert from "node:assert/strict";
import { test } from "node:test";
import { HandshakeError } from "../../../src/errors.ts";
import { decodeRaw, encode } from "../../../src/event/msgpack.ts";
import {
  encodeHelo,
  encodePing,
  encodePong,
  encodePongFailure,
  readHelo,
  readPing,
  verifyPingKey,
  verifyPingUser,
  verifyPong,
} from "../../../src/forward-protocol/handshake.ts";

const helo = {
  nonce: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
  auth: Buffer.from("101112131415161718191a1b1c1d1e1f", "hex"),
  keepalive: true,
};
const salt = "00112233445566778899aabbccddeeff";
const identity = { selfHostname: "client.example", sharedKey: "sekrit", username: "alice", password: "wonder" };
const pingDigest =
  "6262767394ebefc8a1ecb735dff2a1e7af1b2b926198054f452c1c440ed33fb603b7af704c11f3cce3a9ed9521345b6cbefabffbf73201bcbd61a28f5b067bcf";
const userDigest =
  "28e426ad86ca78c8b421ca6d56454afb514c419e9d27042e1babc9220cfb3bd8bad8ad8e63b63237086a4cb77f864ab06adb150f9c50cd5003b2f3b97048fe25";
const pongDigest =
  "a1fe08e77783c16f38b0b9ed106f09072620aee02feecf4e7645a72c50011c1d19238992b481bdd7ebcb7646047b012509ba94d217c3472996f62cfa597aa5a6";

test("HELO has fluentd's bytes and reads back", () => {
  const bytes = encodeHelo(helo);
  assert.equal(bytes.subarray(0, 15).toString("hex"), "92a448454c4f83a56e6f6e6365c410");
  assert.deepEqual(readHelo(bytes), helo);
});

test("HELO with nonce and auth as str of raw bytes, and no keepalive, reads as Fluent Bit means it", () => {
  const str = (bytes: Buffer) => Buffer.concat([Buffer.from([0xb0]), bytes]);
  const nonce = Buffer.from("ff00fe01fd02fc03fb04fa05f906f807", "hex");
  const bytes = Buffer.concat([
    Buffer.from([0x92, 0xa4]), Buffer.from("HELO"), Buffer.from([0x82]),
    Buffer.from([0xa5]), Buffer.from("nonce"), str(nonce), Buffer.from([0xa4]), Buffer.from("auth"), str(nonce),
  ]); // biome-ignore format: bytes
  assert.deepEqual(readHelo(bytes), { nonce, auth: nonce, keepalive: true });
});

test("PING carries the digests that fluentd computes", () => {
  const message = decodeRaw(encodePing(helo, salt, identity)) as Buffer[];
  const expected = ["PING", "client.example", salt, pingDigest, "alice", userDigest];
  assert.deepEqual(
    message.map((part) => Buffer.from(part).toString()),
    expected,
  );
});

test("the server accepts the right key and user and no other", () => {
  const ping = readPing(encodePing(helo, salt, identity));
  assert.equal(verifyPingKey(ping, helo, "sekrit"), true);
  assert.equal(verifyPingKey(ping, helo, "other"), false);
  assert.equal(verifyPingUser(ping, helo, "wonder"), true);
  assert.equal(verifyPingUser(ping, helo, "wrong"), false);
});

test("a PING of five elements is refused", () => {
  assert.throws(() => readPing(encode(["PING", "a", "b", "c", "d"])), /invalid ping message/);
  assert.throws(() => readPing(Buffer.from([0xc1])), HandshakeError);
});

test("PONG carries the digest that fluentd computes and is verified", () => {
  const ping = readPing(encodePing(helo, salt, identity));
  const pong = encodePong(ping, helo, "server.example", "sekrit");
  assert.equal(Buffer.from((decodeRaw(pong) as Buffer[])[4] as Buffer).toString(), pongDigest);
  verifyPong(pong, helo, salt, identity);
});

test("the client refuses a PONG from itself, with another key, of another shape, or that says no", () => {
  const ping = readPing(encodePing(helo, salt, identity));
  const check = (bytes: Buffer) => () => verifyPong(bytes, helo, salt, identity);
  assert.throws(check(encodePong(ping, helo, "client.example", "sekrit")), /same hostname/);
  assert.throws(check(encodePong(ping, helo, "server.example", "other")), /shared key mismatch/);
  assert.throws(check(encodePongFailure("shared_key mismatch")), /authentication failed: shared_key mismatch/);
  assert.throws(check(encode(["PONG", true])), /invalid format/);
  assert.throws(check(encode("PONG")), HandshakeError);
});
