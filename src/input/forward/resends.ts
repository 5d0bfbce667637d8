/**
 * Knows chunks that come again: a sender that missed an ack sends its chunk once more. What every output holds already is
 * acked again and not stored twice, across restarts, as long as buffers remember it.
 *
 * Only an id that no honest sender gives to two chunks tells that. fluentd's and Suiro's are base64 of 16 bytes whose
 * first begin with the time: two chunks of one sender never share one. Fluent Bit's are 32 hexadecimal digits of a hash
 * of the events, which two honest chunks with equal events share; so is any id of another shape taken to be. Whatever the
 * id, tag and bytes must be the same, too. Source: fluentd 1.18 unique_id.rb and out_forward.rb; Fluent Bit 4
 * plugins/out_forward/forward_format.c `append_options`.
 */

import { crc32 } from "node:zlib";
import type { Holdings } from "../../buffer/holdings.ts";
import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { type AckAfter, type ChunkSource, Origin } from "../../event/origin.ts";

/** Whose ids tell a chunk that comes again. */
export type ResendIds = "time_ordered" | "all" | "none";

export interface ResendsOptions {
  readonly ackAfter: AckAfter;
  readonly ids: ResendIds;
  readonly holdings: Holdings;
  readonly clock: Clock;
  readonly counters: Counters;
}

/** An id older than this is none of a chunk that a sender still tries to deliver: fluentd gives up after 72 hours. */
const OLDEST_SECONDS = 90 * 86_400;
/** Clocks of senders may go before ours. */
const NEWEST_SECONDS = 86_400;
/** Digits of base64 that hold the first 4 bytes of an id, and what these count: microseconds since 1970 above 52 - 32 bits. */
const TIME_DIGITS = 6;
const SECONDS_OF_FIRST_BYTES = 2 ** 20 / 1e6;
/** Values of the digits of base64, by character; undefined for what is none. */
const DIGIT_VALUES = Array.from({ length: 128 }, (_, code) => {
  const value = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".indexOf(String.fromCharCode(code));
  return value < 0 ? undefined : value;
});
/**
 * CRC-32 is linear: tags and bodies that differ in the same places at their ends, as where a record ends with its tag,
 * would take each other away. Multiplied, they do not.
 */
const TAG_FACTOR = 0x9e3779b1;
const PADDING = 0x3d;
const NEWLINE = 0x0a;
/** Longer ids are not remembered. */
const ID_LIMIT_BYTES = 128;

/** A chunk that came, from its message to the end of its delivery. */
export interface ReceivedChunk extends ChunkSource {
  readonly bodyChecksum: number;
  /** Of the batch that it was gathered into; undefined until that is on its way. */
  delivered: Promise<void> | undefined;
}

export class Resends {
  readonly #options: ResendsOptions;
  /** Chunks that are being handed over, by id. */
  readonly #underway = new Map<string, ReceivedChunk>();
  readonly #plain: Origin | undefined;
  /** How the id before began, and whether that is a time of late. */
  #timeStart = -1;
  #isTimeKnown = false;
  #tag = "";
  #tagChecksum = 0;

  constructor(options: ResendsOptions) {
    this.#options = options;
    this.#plain = options.ackAfter === "written" ? undefined : new Origin([], options.ackAfter);
  }

  /** Whether the chunk id `bytes[start, end)`, which is msgpack, tells a message that comes again. */
  knows(bytes: Buffer, start: number, end: number): boolean {
    const { ids } = this.#options;
    if (ids === "none" || end - start > ID_LIMIT_BYTES) return false;
    return ids === "all" || this.#isTimeOrdered(bytes, start, end);
  }

  /** What a message is to be known by whose id, latin1, is known. */
  sourceOf(id: string, tag: string, body: Buffer): ReceivedChunk {
    const bodyChecksum = crc32(body);
    const checksum = (bodyChecksum ^ this.#checksumOf(tag)) >>> 0;
    return { kind: "chunk", id, checksum, bodyChecksum, delivered: undefined };
  }

  /**
   * `new`, or `part` when some outputs have it and it must be handed over alone, or `gathered` when it is in the batch at
   * hand; else it is there already, or on its way: a promise that resolves when it may be acked.
   */
  find({ id, checksum }: ReceivedChunk): "new" | "part" | "gathered" | Promise<void> {
    const { ackAfter, counters, holdings } = this.#options;
    const underway = this.#underway.get(id);
    if (underway && !underway.delivered) return "gathered";
    const isUnderway = underway?.checksum === checksum;
    const held = isUnderway ? "none" : holdings.ofChunk(id, checksum);
    if (!isUnderway && held === "none") return "new";
    if (held === "part") return "part";
    counters.add("resent_chunks");
    return isUnderway ? (underway.delivered as Promise<void>) : holdings.whenSafe(id, ackAfter);
  }

  /** The chunk is in the batch at hand; `begin` is to follow. */
  gather(source: ReceivedChunk): void {
    this.#underway.set(source.id, source);
  }

  /** What a batch says of itself. One that nobody wants an ack for waits for no disk: it was promised to nobody. */
  origin(sources: readonly ChunkSource[], isAcked: boolean): Origin | undefined {
    const { ackAfter } = this.#options;
    if (sources.length > 0) return new Origin(sources, ackAfter);
    return isAcked || ackAfter === "delivered" ? this.#plain : undefined;
  }

  /** These chunks, which were gathered, are on their way until `delivered` is settled. */
  begin(sources: readonly ReceivedChunk[], delivered: Promise<void>): void {
    if (sources.length === 0) return;
    for (const source of sources) source.delivered = delivered;
    const end = () => {
      for (const source of sources) if (this.#underway.get(source.id) === source) this.#underway.delete(source.id);
    };
    delivered.then(end, end);
  }

  #isTimeOrdered(bytes: Buffer, start: number, end: number): boolean {
    if (!isOfSixteenBytes(bytes, start, end)) return false;
    let time = 0;
    for (let index = 1; index <= TIME_DIGITS; index++) {
      const digit = DIGIT_VALUES[bytes[start + index] as number];
      if (digit === undefined) return false;
      time = time * 64 + digit;
    }
    if (time !== this.#timeStart) {
      this.#timeStart = time;
      const seconds = Math.floor(time / 16) * SECONDS_OF_FIRST_BYTES; // of 36 bits the first 32
      const ageSeconds = this.#options.clock.now() / 1000 - seconds;
      this.#isTimeKnown = ageSeconds < OLDEST_SECONDS && ageSeconds > -NEWEST_SECONDS;
    }
    return this.#isTimeKnown;
  }

  /** Most messages have the tag of the one before. */
  #checksumOf(tag: string): number {
    if (tag !== this.#tag) {
      this.#tag = tag;
      this.#tagChecksum = Math.imul(crc32(tag), TAG_FACTOR);
    }
    return this.#tagChecksum;
  }
}

/** A msgpack string of base64 as long as that of 16 bytes, in fluentd with the newline that Ruby's `encode64` puts behind it. */
function isOfSixteenBytes(bytes: Buffer, start: number, end: number): boolean {
  const header = bytes[start];
  const isWhole =
    header === 0xb8 ? end - start === 25 : header === 0xb9 && end - start === 26 && bytes[start + 25] === NEWLINE;
  return isWhole && bytes[start + 23] === PADDING && bytes[start + 24] === PADDING;
}
