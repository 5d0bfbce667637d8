/**
 * The Forward protocol's handshake as pure steps for both sides: bytes in, bytes or an error out, no sockets.
 *
 * ```text
 * server ─ HELO {nonce, auth, keepalive} ─► client
 * server ◄─ PING hostname, salt, digest, username, password digest ─ client
 * server ─ PONG ok, reason, hostname, digest ─► client
 * ```
 *
 * Nonces and salts are raw bytes; peers send them as str or bin, so they are never decoded as text. Digests are compared
 * in constant time. Source: Forward protocol v1, "Handshake Messages"; fluentd 1.18 out_forward/handshake_protocol.rb.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { HandshakeError } from "../errors.ts";
import { decodeRaw, encode } from "../event/msgpack.ts";

export const NONCE_BYTES = 16;

/** What a peer may give as a nonce, auth or salt: 16 and 32 bytes are usual. */
const LARGEST_NONCE_BYTES = 512;
/** A DNS name has 253. */
const LONGEST_NAME_BYTES = 1024;
/** How much of a receiver's reason is shown. */
const SHOWN_REASON_LENGTH = 200;

/** What the server says first. `auth` is empty when it asks for no handshake of users. */
export interface Helo {
  readonly nonce: Buffer;
  readonly auth: Buffer;
  readonly keepalive: boolean;
}

/** A client's answer, not yet checked. */
export interface Ping {
  readonly hostname: Buffer;
  readonly salt: Buffer;
  readonly digest: Buffer;
  readonly username: string;
  readonly passwordDigest: Buffer;
}

/** What the client proves itself with. */
export interface ClientIdentity {
  readonly selfHostname: string;
  readonly sharedKey: string;
  readonly username: string;
  readonly password: string;
}

export function createHelo(keepalive: boolean): Helo {
  return { nonce: randomBytes(NONCE_BYTES), auth: randomBytes(NONCE_BYTES), keepalive };
}

export function encodeHelo({ nonce, auth, keepalive }: Helo): Buffer {
  return encode(["HELO", { nonce, auth, keepalive }]);
}

/** Reads HELO from the bytes of one message. Throws HandshakeError. */
export function readHelo(bytes: Uint8Array): Helo {
  const [name, options] = messageArray(bytes, "HELO");
  if (text(name) !== "HELO" || !isMap(options)) {
    throw new HandshakeError("the first message was not HELO; does the receiver have <security>, as this side has?");
  }
  const { nonce, auth = EMPTY, keepalive } = options as { nonce?: unknown; auth?: unknown; keepalive?: unknown };
  return {
    // Without a nonce an answer that was overheard once could be used again.
    nonce: field(nonce, "HELO", "nonce", 1, LARGEST_NONCE_BYTES),
    auth: field(auth ?? EMPTY, "HELO", "auth", 0, LARGEST_NONCE_BYTES),
    keepalive: keepalive !== false,
  };
}

/** 32 hexadecimal digits, as fluentd makes its salt. */
export function createSalt(): string {
  return randomBytes(16).toString("hex");
}

export function encodePing(helo: Helo, salt: string, identity: ClientIdentity): Buffer {
  const digest = sharedKeyDigest(salt, identity.selfHostname, helo.nonce, identity.sharedKey);
  const withUser = helo.auth.length > 0;
  const username = withUser ? identity.username : "";
  const password = withUser ? passwordDigest(helo.auth, identity.username, identity.password) : "";
  return encode(["PING", identity.selfHostname, salt, digest, username, password]);
}

/** Reads PING from the bytes of one message. Throws HandshakeError `invalid ping message`. */
export function readPing(bytes: Uint8Array): Ping {
  const message = messageArray(bytes, "PING");
  const [name, hostname, salt, digest, username, password] = message;
  const isPing = message.length === 6 && text(name) === "PING" && message.every((part) => part instanceof Uint8Array);
  if (!isPing) throw new HandshakeError("invalid ping message");
  return {
    hostname: buffer(hostname),
    salt: buffer(salt),
    digest: buffer(digest),
    username: text(username),
    passwordDigest: buffer(password),
  };
}

/** Whether the client knows `sharedKey`. */
export function verifyPingKey(ping: Ping, helo: Helo, sharedKey: string): boolean {
  return equalDigest(ping.digest, sharedKeyDigest(ping.salt, ping.hostname, helo.nonce, sharedKey));
}

/** Whether the client knows the password of the user whose name it gave. */
export function verifyPingUser(ping: Ping, helo: Helo, password: string): boolean {
  return equalDigest(ping.passwordDigest, passwordDigest(helo.auth, ping.username, password));
}

export function encodePong(ping: Ping, helo: Helo, selfHostname: string, sharedKey: string): Buffer {
  return encode(["PONG", true, "", selfHostname, sharedKeyDigest(ping.salt, selfHostname, helo.nonce, sharedKey)]);
}

export function encodePongFailure(reason: string): Buffer {
  return encode(["PONG", false, reason, "", ""]);
}

/** Checks the server's PONG; throws HandshakeError with its reason, or ours for not trusting it. */
export function verifyPong(bytes: Uint8Array, helo: Helo, salt: string, identity: ClientIdentity): void {
  const message = messageArray(bytes, "PONG");
  const [name, accepted, reason, hostname, digest] = message;
  if (message.length !== 5 || text(name) !== "PONG") throw new HandshakeError("invalid format for PONG message");
  if (accepted !== true) throw new HandshakeError(`authentication failed: ${shown(reason)}`);
  const serverName = field(hostname, "PONG", "hostname", 0, LONGEST_NAME_BYTES);
  if (serverName.toString() === identity.selfHostname) {
    throw new HandshakeError(
      "same hostname between input and output: invalid configuration; set another self_hostname",
    );
  }
  if (!equalDigest(buffer(digest), sharedKeyDigest(salt, serverName, helo.nonce, identity.sharedKey))) {
    throw new HandshakeError("shared key mismatch");
  }
}

function sharedKeyDigest(salt: Buffer | string, hostname: Buffer | string, nonce: Buffer, sharedKey: string): string {
  return createHash("sha512").update(salt).update(hostname).update(nonce).update(sharedKey).digest("hex");
}

function passwordDigest(auth: Buffer, username: string, password: string): string {
  return createHash("sha512").update(auth).update(username).update(password).digest("hex");
}

function equalDigest(given: Buffer, expected: string): boolean {
  const bytes = Buffer.from(expected, "latin1");
  return given.length === bytes.length && timingSafeEqual(given, bytes);
}

function messageArray(bytes: Uint8Array, name: string): unknown[] {
  let message: unknown;
  try {
    message = decodeRaw(bytes);
  } catch {
    throw new HandshakeError(`${name} is not valid msgpack`);
  }
  if (!Array.isArray(message)) throw new HandshakeError(`${name} is not an array`);
  return message;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

const EMPTY = new Uint8Array(0);

/** A field of a server's message: str or bin of a length that makes sense. Throws HandshakeError. */
function field(value: unknown, message: string, name: string, least: number, most: number): Buffer {
  if (!(value instanceof Uint8Array)) throw new HandshakeError(`${name} of ${message} is no string`);
  if (value.length < least || value.length > most) {
    throw new HandshakeError(`${name} of ${message} has ${value.length} bytes, not ${least} to ${most}`);
  }
  return buffer(value);
}

/** A reason that the peer gives, for messages: short, and without bytes that a terminal would obey. */
function shown(reason: unknown): string {
  return text(reason)
    .slice(0, SHOWN_REASON_LENGTH)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** str and bin alike; anything else is empty, and so matches nothing. */
function buffer(value: unknown): Buffer {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : Buffer.alloc(0);
}

function text(value: unknown): string {
  return buffer(value).toString("utf8");
}
