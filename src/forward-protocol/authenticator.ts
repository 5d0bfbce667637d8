/**
 * Decides who may send: the server's side of `<security>`. Knows addresses, keys and users, but no sockets.
 *
 * Order of checks: shape of PING, list of clients, shared key, user. Source: fluentd 1.18 in_forward `check_ping`.
 */

import { BlockList, isIP } from "node:net";
import { HandshakeError } from "../errors.ts";
import {
  encodePong,
  encodePongFailure,
  type Helo,
  type Ping,
  readPing,
  verifyPingKey,
  verifyPingUser,
} from "./handshake.ts";

/** One `<client>`: who is meant, and what holds for them. */
export interface AllowedClient {
  readonly addresses: BlockList;
  /** Of their own; absent: the policy's. */
  readonly sharedKey: string | undefined;
  /** Names of the users that may come from there; empty: all. */
  readonly users: readonly string[];
}

export interface User {
  readonly username: string;
  readonly password: string;
}

export interface SecurityPolicy {
  readonly selfHostname: string;
  /** Whoever knows one of them is in; they may change. */
  readonly sharedKeys: { readonly all: readonly string[] };
  readonly userAuth: boolean;
  readonly allowAnonymousSource: boolean;
  readonly users: readonly User[];
  /** The first whose addresses hold the peer counts. */
  readonly clients: readonly AllowedClient[];
}

/** Why a client is refused: what it is told, and fluentd's log message. Neither holds a secret. */
export interface Refusal {
  readonly reason: string;
  readonly warning: string;
}

/** The answer to a PING. */
export interface Verdict {
  /** PONG, for the client. */
  readonly reply: Buffer;
  /** Absent when the client is in. */
  readonly refusal?: Refusal;
  /** As the client gave it: not to be trusted. */
  readonly hostname: string;
}

/** Judges the bytes of one message as the answer to `helo`. `address` is the peer's, without an IPv4-mapped prefix. */
export function judgePing(bytes: Uint8Array, helo: Helo, address: string, policy: SecurityPolicy): Verdict {
  let ping: Ping;
  try {
    ping = readPing(bytes);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return refuse("invalid ping message", "Invalid ping message", "");
  }
  const hostname = ping.hostname.toString();
  const client = policy.clients.find(({ addresses }) => addresses.check(address, addressFamily(address)));
  if (!client && !policy.allowAnonymousSource) {
    return refuse(`anonymous source host '${address}' denied`, "Anonymous client disallowed", hostname);
  }
  const keys = client?.sharedKey === undefined ? policy.sharedKeys.all : [client.sharedKey];
  const [sharedKey] = keys.filter((key) => verifyPingKey(ping, helo, key));
  if (sharedKey === undefined) return refuse("shared_key mismatch", "Shared key mismatch", hostname);
  if (policy.userAuth && !isKnownUser(ping, helo, client, policy)) {
    return refuse("username/password mismatch", "Authentication failed", hostname);
  }
  return { reply: encodePong(ping, helo, policy.selfHostname, sharedKey), hostname };
}

/**
 * Every user of that name is tried, as fluentd does: a password may be changed by listing the name twice. An unknown
 * name takes as long as a known one, so that nobody learns which names there are.
 */
function isKnownUser(ping: Ping, helo: Helo, client: AllowedClient | undefined, policy: SecurityPolicy): boolean {
  const mayCome = !client || client.users.length === 0 || client.users.includes(ping.username);
  const users = policy.users.filter((user) => user.username === ping.username);
  const matches = (users.length > 0 ? users : [NOBODY]).filter(({ password }) => verifyPingUser(ping, helo, password));
  return mayCome && matches.length > 0 && users.length > 0;
}

const NOBODY: User = { username: "", password: "" };

function refuse(reason: string, warning: string, hostname: string): Verdict {
  return { reply: encodePongFailure(reason), refusal: { reason, warning }, hostname };
}

/** `::ffff:10.0.0.1`, as sockets of both families name an IPv4 peer, is `10.0.0.1`. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped ? (mapped[1] as string) : address;
}

function addressFamily(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/**
 * The addresses of `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::/8`, or of one address.
 * Undefined when the text is none of these.
 */
export function parseNetwork(text: string): BlockList | undefined {
  const [address = "", mask, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return undefined;
  const family = version === 6 ? "ipv6" : "ipv4";
  const addresses = new BlockList();
  if (mask === undefined) {
    addresses.addAddress(plainAddress(address), addressFamily(plainAddress(address)));
    return addresses;
  }
  const prefix = version === 4 && isIP(mask) === 4 ? maskLength(mask) : /^\d{1,3}$/.test(mask) ? Number(mask) : -1;
  if (prefix < 0 || prefix > (version === 6 ? 128 : 32)) return undefined;
  addresses.addSubnet(address, prefix, family);
  return addresses;
}

/** 255.255.0.0 is 16; -1 when its ones have gaps. */
function maskLength(mask: string): number {
  const bits = mask
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : -1;
}
