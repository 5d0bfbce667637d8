/**
 * The limits of the forward input: parameters with their defaults, and those that nobody has to change.
 * docs/security.md says what each is for.
 */

import { integer, size, string, time } from "../../config/literals.ts";
import { camelCase, type SectionBase, type TableShape } from "../../config/parameters.ts";
import { ConfigError } from "../../errors.ts";
import { MAX_DEPTH } from "../../event/walker.ts";

const MEBIBYTE = 1024 * 1024;

/** `decompression_size_limit`, as fluentd 1.19.3 has it. */
export const DECOMPRESSION_LIMIT_BYTES = 256 * MEBIBYTE;

/** `connection_limit`. A relay behind a large cluster sees one or two connections per machine. */
export const CONNECTION_LIMIT = 4096;

/** Spread into the input's table. Unknown to fluentd, but for decompression_size_limit. */
export const limitParameters = {
  frame_size_limit: size.default(
    "Suiro's own. A message that is declared larger is never taken into memory: it goes to the quarantine, or closes " +
      "its connection.",
    64 * MEBIBYTE, // eight times fluentd's default chunk
  ),
  decompression_size_limit: size.default(
    "Bytes that a compressed message may hold; one with more goes to the quarantine, or closes its connection.",
    DECOMPRESSION_LIMIT_BYTES,
  ),
  decompression_ratio_limit: integer.default(
    "Suiro's own. How many times its size a compressed message may hold, where that is more than 16 MiB.",
    250, // log lines reach a tenth of it
  ),
  nesting_limit: integer.default("Suiro's own. Levels of arrays and maps in a message.", MAX_DEPTH),
  tag_size_limit: size.default("Suiro's own. Bytes of a tag; a message with a longer one is dropped.", 512),
  option_key_limit: integer.default("Suiro's own. Keys in the option of a message.", 16), // known clients send six
  connection_limit: integer.default("Suiro's own. Connections at one time; more are refused.", CONNECTION_LIMIT),
  address_connection_limit: integer.default(
    "Suiro's own. Connections at one time from one address, or one /64 network of IPv6. A whole cluster behind one " +
      "translated address needs as many as it has machines.",
    CONNECTION_LIMIT / 2,
  ),
  handshake_timeout: time.default(
    "Suiro's own. Seconds that TLS, and the handshake of <security>, may take each.",
    5, // fluentd has none; Node's own for TLS is 120 s
  ),
  handshake_size_limit: size.default(
    "Suiro's own. Bytes of a message before the peer has proved itself.",
    4096, // a PING with long names has about 1.2 KB
  ),
  failed_login_limit: integer.default(
    "Suiro's own. Failed handshakes of one address within a minute, behind which it is refused for the rest of that " +
      "minute; an address that someone logged in from within the last hour is not.",
    30,
  ),
  message_timeout: time.default(
    "Suiro's own. Seconds after which a message that is not whole must have come at message_rate_floor.",
    60,
  ),
  message_rate_floor: size.default(
    "Suiro's own. Bytes a second below which a sender is cut off.",
    256, // far below any link that carries logs: only who stalls on purpose, or has died, is slower
  ),
  pending_limit: size.default(
    "Suiro's own. Bytes of messages that are not whole yet, over all connections; beyond it the connection whose " +
      "message began first is cut off.",
    256 * MEBIBYTE,
  ),
  idle_timeout: time.default(
    "Suiro's own. Seconds without a byte after which a connection is closed.",
    86_400, // who logs rarely and never connects again must not be cut off
  ),
  unacked_limit: size.default(
    "Suiro's own. Bytes of one connection that outputs do not hold yet; beyond them it is not read.",
    16 * MEBIBYTE,
  ),
  total_unacked_limit: size.default(
    "Suiro's own. The same over all connections: with thousands of senders the sum would be the machine's memory.",
    256 * MEBIBYTE,
  ),
};

/** Where messages go that can never be delivered. */
export const quarantineParameters = {
  quarantine_path: string.optional(
    "Suiro's own. Folder for messages that can never be delivered: too large, undecodable, not events, under a tag that can be none. They are acked, " +
      "logged and counted, and can be looked at and sent again with `suiro buffer`. Without it a folder named " +
      "`quarantine` in root_dir, in FLUENT_BACKUP_DIR, or in /tmp/fluent.",
  ),
  quarantine_size_limit: size.default(
    "Suiro's own. Bytes in that folder; when it is full such messages are refused, not lost. 0 keeps none.",
    256 * MEBIBYTE,
  ),
  quarantine_count_limit: integer.default("Suiro's own. Messages in that folder.", 1000),
};

/** The values of `limitParameters`: sizes in bytes, times in seconds. */
// biome-ignore lint/complexity/noBannedTypes: limits have no sections.
export type ForwardLimits = Omit<TableShape<typeof limitParameters, {}>, keyof SectionBase>;

/** What holds where nothing is configured. */
export const DEFAULT_LIMITS = Object.fromEntries(
  Object.entries(limitParameters).map(([name, { fallback }]) => [camelCase(name), fallback]),
) as unknown as ForwardLimits;

/** Offsets are kept in 32 bits. */
const MOST = 2 ** 31 - 1;
/** A Message has its own array and its record; Forward mode two arrays more. */
const LEAST_NESTING = 4;

/** Throws ConfigError for a limit that cannot work. */
export function checkLimits(config: ForwardLimits & SectionBase): void {
  for (const name of Object.keys(limitParameters)) {
    const value = config[camelCase(name) as keyof ForwardLimits];
    const [least, most] = name === "nesting_limit" ? [LEAST_NESTING, MAX_DEPTH] : [1, MOST];
    if (value >= least && value <= most) continue;
    const position = config.element.parameter(name)?.position ?? config.element.position;
    throw new ConfigError(`'${name}' is ${value}, but must be from ${least} to ${most}`, position);
  }
}

/** Acks that the peer does not read; beyond them the socket is not read either. */
export const UNREAD_ACKS_LIMIT_BYTES = 256 * 1024;

/** How often connections are looked at for limits of time, at the least. */
export const SWEEP_INTERVAL_MS = 10_000;

/** How often they are where the limits are shorter. */
export function sweepIntervalMs({ messageTimeout, idleTimeout }: ForwardLimits): number {
  return Math.min(SWEEP_INTERVAL_MS, messageTimeout * 1000, idleTimeout * 1000);
}

/** How long a peer may take to end its side after we ended ours; then the connection is dropped. */
export const CLOSE_GRACE_MS = 2_000;

/** Messages that are no arrays, after which the connection is closed: an HTTP request has one per byte. */
export const BROKEN_MESSAGES_LIMIT = 16;

/** The time in which failed handshakes of an address are counted. */
export const FAILED_LOGIN_WINDOW_MS = 60_000;

/** How long an address is trusted after someone logged in from there. */
export const TRUSTED_ADDRESS_MS = 60 * 60 * 1000;

/** Addresses whose handshakes are remembered; the oldest is forgotten. */
export const REMEMBERED_ADDRESSES = 4096;

/** How long a reverse look-up may take, and its answer holds. */
export const LOOKUP_DEADLINE_MS = 5_000;
export const LOOKUP_LIFETIME_MS = 60_000;
/** Addresses whose names are remembered. */
export const LOOKUP_CACHE_SIZE = 4096;

/** fluentd reads so much of a heartbeat. */
export const HEARTBEAT_LIMIT_BYTES = 128;
