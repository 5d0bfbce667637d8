/** Every limit of the forward input that has no parameter of its own. Source: FIELD 4, "Limits table". */

/** Default of `frame_size_limit`: eight times fluentd's default chunk. Refused from the declared length. */
export const FRAME_LIMIT_BYTES = 64 * 1024 * 1024;

/** Default of `decompression_size_limit`, as fluentd 1.19.3 has it. */
export const DECOMPRESSION_LIMIT_BYTES = 256 * 1024 * 1024;

/** Default of `connection_limit`. A relay behind a large cluster sees one or two connections per machine. */
export const CONNECTION_LIMIT = 4096;

/** Default of `unacked_limit`: events of one connection that outputs do not hold yet. Beyond it the socket is not read. */
export const UNACKED_LIMIT_BYTES = 16 * 1024 * 1024;

/** The same over all connections of the input: with thousands of senders the sum would be the machine's memory. */
export const TOTAL_UNACKED_LIMIT_BYTES = 256 * 1024 * 1024;

/** Acks that the peer does not read; beyond them the socket is not read either. */
export const UNREAD_ACKS_LIMIT_BYTES = 256 * 1024;

/** From accept to PONG. fluentd has none, Node's TLS would wait 120 s. */
export const HANDSHAKE_DEADLINE_MS = 5_000;

/** A peer that sends nothing for a day is gone; one that logs rarely and never reconnects must not be cut off. */
export const IDLE_LIMIT_MS = 24 * 60 * 60 * 1000;

/** A message that is not whole after this long must at least have come at FRAME_FLOOR_BYTES_PER_SECOND. */
export const FRAME_GRACE_MS = 60_000;

/** Far below any link that carries logs: only who stalls on purpose, or has died, is slower. */
export const FRAME_FLOOR_BYTES_PER_SECOND = 256;

/** How often connections are looked at for the three limits above. */
export const SWEEP_INTERVAL_MS = 10_000;

/** How long a peer may take to end its side after we ended ours; then the connection is dropped. */
export const CLOSE_GRACE_MS = 2_000;

/** Messages that are no arrays, after which the connection is closed: an HTTP request has one per byte. */
export const BROKEN_MESSAGES_LIMIT = 16;

/** Longer tags are no tags: outputs make paths and metric labels of them. */
export const TAG_LIMIT_BYTES = 512;

/** The same warning is logged once in this time; how many were left out is logged with the next. */
export const WARNING_INTERVAL_MS = 30_000;

/** How long a reverse look-up may take, and its answer holds. */
export const LOOKUP_DEADLINE_MS = 5_000;
export const LOOKUP_LIFETIME_MS = 60_000;
/** Addresses whose names are remembered. */
export const LOOKUP_CACHE_SIZE = 4096;

/** fluentd reads so much of a heartbeat. */
export const HEARTBEAT_LIMIT_BYTES = 128;
