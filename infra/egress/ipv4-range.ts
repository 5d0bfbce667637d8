/** IPv4 ranges in CIDR form. gcloud sends any text to the API, so they are checked here first. */

import { EgressError } from "./egress-error.ts";

export interface Ipv4Range {
  readonly text: string;
  /** First and last address, as unsigned 32-bit numbers. */
  readonly first: number;
  readonly last: number;
}

const part = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const form = new RegExp(`^${part}\\.${part}\\.${part}\\.${part}(?:/(3[0-2]|[12]?\\d))?$`);

/** Reads a range; a bare address is a range of one. Throws EgressError that names `what` the text was given for. */
export function parseRange(text: string, what: string): Ipv4Range {
  const match = form.exec(text.trim());
  if (!match) throw new EgressError(`${what}: "${text}" is not an IPv4 range such as 198.51.100.0/24.`);
  const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
  const prefix = match[5] === undefined ? 32 : Number(match[5]);
  const size = 2 ** (32 - prefix);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const first = Math.floor(address / size) * size;
  if (first !== address) {
    throw new EgressError(`${what}: ${text} has bits below its prefix; write ${addressText(first)}/${prefix}.`);
  }
  return { text: `${addressText(first)}/${prefix}`, first, last: first + size - 1 };
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}

export function overlaps(one: Ipv4Range, other: Ipv4Range): boolean {
  return one.first <= other.last && other.first <= one.last;
}

export function contains(outer: Ipv4Range, inner: Ipv4Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/** Ranges that no router of the internet carries. Source: RFC 6890, the entries that are not globally reachable. */
const unroutable = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared address space"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.168.0.0/16", "private"],
  ["198.18.0.0/15", "benchmarking"],
  ["224.0.0.0/3", "multicast or reserved"],
].map(([text = "", kind = ""]) => ({ range: parseRange(text, kind), kind }));

/** Why a range cannot be reached over the internet, or undefined when it can. */
export function unroutableKind(range: Ipv4Range): string | undefined {
  return unroutable.find((entry) => overlaps(entry.range, range))?.kind;
}

/** Ranges through which Google's own services answer; sending them to a next-hop VM breaks the nodes. */
export const googleRanges = ["199.36.153.4/30", "199.36.153.8/30", "35.191.0.0/16", "130.211.0.0/22"].map((text) =>
  parseRange(text, "Google"),
);

/** Google's health checkers. Source: Google Cloud, health checks overview. */
export const healthCheckRanges = ["35.191.0.0/16", "130.211.0.0/22"];

/** Where Identity-Aware Proxy opens its TCP tunnels from. Source: Google Cloud, using IAP for TCP forwarding. */
export const iapRange = "35.235.240.0/20";
