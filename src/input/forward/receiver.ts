/**
 * From messages to emits: what a client sends on one connection becomes batches of one tag.
 *
 * Small messages of the same tag that stand behind each other in one read are gathered into one batch; each keeps its
 * own ack. A large body, or a compressed one, is a batch by itself and is not copied. Order is kept.
 */

import type { Quarantine } from "../../buffer/quarantine.ts";
import type { Counters } from "../../counters.ts";
import { LimitError, MalformedError } from "../../errors.ts";
import { batchMemory } from "../../event/batch-memory.ts";
import { type CompressedEntries, type CompressionMethod, EventStream } from "../../event/event-stream.ts";
import { walkEntries } from "../../event/walker.ts";
import { AckWriter, ackOf } from "../../forward-protocol/acks.ts";
import type { Refusal } from "../../forward-protocol/authenticator.ts";
import { canDecompress, decompress, type Plain } from "../../forward-protocol/compression.ts";
import type { FoundMessage } from "../../forward-protocol/framer.ts";
import type { MessageLimits } from "../../forward-protocol/message-limits.ts";
import { chunkOfOption, MessageBounds, MessageOption, readOption } from "../../forward-protocol/messages.ts";
import type { FrameSink, MessageHandler } from "../../forward-protocol/server-session.ts";
import type { Logger } from "../../logger.ts";
import type { RareWarnings } from "../../rare-warnings.ts";
import { type ChunkSizeRules, isTooLarge } from "./chunk-size.ts";
import type { Deliveries } from "./deliveries.ts";
import { type EntryRules, EntryWriter } from "./entry-writer.ts";
import { BROKEN_MESSAGES_LIMIT } from "./limits.ts";
import { Poison } from "./poison.ts";
import type { ReceivedChunk, Resends } from "./resends.ts";
import type { SourceFields } from "./source-fields.ts";
import type { TagRule } from "./tag-rule.ts";

/** What holds for all connections of an input. */
export interface ReceiverRules extends EntryRules, ChunkSizeRules {
  readonly tagRule: TagRule;
  readonly limits: MessageLimits;
  /** Where messages go that can never be delivered; absent: their connection ends. */
  readonly quarantine?: Quarantine | undefined;
  /** Close after the first message. */
  readonly denyKeepalive: boolean;
}

export interface ReceiverOptions {
  readonly rules: ReceiverRules;
  /** Name or address of the peer, for logs. */
  readonly host: string;
  readonly fields: SourceFields | undefined;
  readonly deliveries: Deliveries;
  readonly resends?: Resends | undefined;
  readonly logger: Logger;
  readonly warnings: RareWarnings;
  readonly counters: Counters;
  /** The connection has had its last message. */
  readonly finish: () => void;
}

/** What came compressed. */
interface Decompressed {
  readonly compressed: CompressedEntries;
  /** CRC-32 of what it holds. */
  readonly checksum: number | undefined;
  /** Where the message's id is. */
  readonly idBytes: Buffer;
}

/** An owned body of this size is worth a batch of its own; below it, a copy is cheaper than an emit. */
const LARGE_BODY_BYTES = 32 * 1024;
/** Capacity of a batch: more than one read never holds, so that no batch of small messages grows. */
const BATCH_BYTES = 64 * 1024;
/** The longest name that DNS knows. */
const LOGGED_NAME_LENGTH = 253;

const FAULTS = {
  invalid_event: "an event is a time and a map; what is none was left out",
  invalid_tag: "a tag has from 1 to tag_size_limit bytes, no control characters and no `..` between slashes",
} as const;
type MessageFault = keyof typeof FAULTS;

export class Receiver implements MessageHandler {
  readonly #options: ReceiverOptions;
  readonly #entries: EntryWriter;
  #tag = "";
  readonly #acks = new AckWriter();
  /** Of those among the acks that may come again. */
  #sources: ReceivedChunk[] = [];
  /** Of the message at hand: its parts, its option, and what it is known by when it comes again. */
  #bounds = new MessageBounds();
  readonly #option = new MessageOption();
  #source: ReceivedChunk | undefined;
  #dropped = 0;
  #brokenMessages = 0;
  /** The memory of the message at hand went on with its events, or is read later. */
  #isMemoryKept = false;
  /** Why the message at hand was not taken as it came. */
  #fault: MessageFault | undefined;
  readonly #poison: Poison;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { counters, host, rules, warnings } = options;
    this.#poison = new Poison({ quarantine: rules.quarantine, host, counters, warnings });
    this.#entries = new EntryWriter(options.rules, options.fields);
  }

  established(clientHostname: string): void {
    this.#options.logger.debug("connection established", { host: this.#options.host, client: clientHostname });
  }

  refused({ warning }: Refusal, clientHostname: string): void {
    const { host, warnings, counters } = this.#options;
    counters.add("connections_refused", 1, "handshake");
    warnings.warn(warning, { address: host, hostname: clientHostname.slice(0, LOGGED_NAME_LENGTH) });
  }

  message({ bytes, start, end, isOwned, bounds }: FoundMessage): Promise<void> | undefined {
    this.#isMemoryKept = false;
    this.#fault = undefined;
    this.#bounds = bounds;
    const wait = this.#receiveOrKeep(bytes, start, end, isOwned);
    if (isOwned && !this.#isMemoryKept) batchMemory.give(bytes);
    if (!this.#options.rules.denyKeepalive) return wait;
    if (wait) return wait.then(() => this.#finish());
    this.#finish();
    return undefined;
  }

  refuseFrame(error: LimitError): Promise<FrameSink | undefined> {
    return this.#poison.begin(error, (option) => this.#acknowledgeOption(option));
  }

  /** As `#receive`; a message that can never be delivered goes to the quarantine, where there is one. */
  #receiveOrKeep(bytes: Buffer, start: number, end: number, isOwned: boolean): Promise<void> | undefined {
    if (!this.#poison.isKept) return this.#receive(bytes, start, end, isOwned);
    try {
      const wait = this.#receive(bytes, start, end, isOwned);
      if (!wait) return this.#keepFaulty(bytes, start, end);
      const own = isOwned ? bytes : Buffer.from(bytes.subarray(0, end)); // the memory of a read is used again meanwhile
      return wait.then(
        () => this.#keepFaulty(own, start, end),
        (error) => this.#keep(own, start, end, error),
      );
    } catch (error) {
      return this.#keep(bytes, start, end, error);
    }
  }

  async #keep(bytes: Buffer, start: number, end: number, error: unknown): Promise<void> {
    const isPoison = error instanceof MalformedError || error instanceof LimitError;
    const { mode, tagStart, tagEnd, optionStart, optionEnd } = this.#bounds;
    if (!isPoison || mode === "broken") throw error;
    const message = Buffer.from(bytes.subarray(start, end)); // the memory of `bytes` may be used again meanwhile
    const tag = this.#options.rules.tagRule.tagOf(bytes, tagStart, tagEnd);
    const option = Buffer.from(bytes.subarray(optionStart, optionEnd));
    this.readEnd();
    if (!(await this.#poison.keep(message, error.code.toLowerCase(), error.message, tag))) throw error;
    this.#acknowledgeOption(option);
  }

  /** What is no event, or has no tag, is dropped in any case; its message is kept where there is room. */
  #keepFaulty(bytes: Buffer, start: number, end: number): Promise<void> | undefined {
    const fault = this.#fault;
    if (!fault) return undefined;
    const message = Buffer.from(bytes.subarray(start, end));
    const tag = fault === "invalid_tag" ? undefined : this.#tag;
    return this.#poison.keepCopy(message, fault, FAULTS[fault], tag);
  }

  /** Acks a message of which nothing is known but its option. */
  #acknowledgeOption(option: Buffer): void {
    const chunk = chunkOfOption(option);
    if (chunk) this.#options.deliveries.acknowledge(ackOf(chunk));
  }

  #finish(): void {
    this.readEnd();
    this.#options.finish();
  }

  /** Emits what was gathered. */
  readEnd(): void {
    if (this.#dropped > 0) this.#countDropped();
    if (this.#entries.size > 0 || this.#acks.count > 0) this.#deliver(this.#tag, this.#entries.take());
  }

  /** Hands over events with the acks that wait for them; where there are none, nothing is waited for. */
  #deliver(tag: string, events: EventStream): void {
    const { counters, deliveries, resends } = this.#options;
    const acks = this.#acks.take();
    // The delivery keeps the list: a chunk that came later and was added to it would be taken for a part of that batch.
    const sources = this.#sources;
    this.#sources = [];
    counters.add("received_events", events.size);
    if (events.size > 0) return deliveries.deliver(tag, events, acks, sources);
    events.release();
    resends?.begin(sources, Promise.resolve());
    deliveries.acknowledge(acks);
  }

  #receive(bytes: Buffer, start: number, end: number, isOwned: boolean): Promise<void> | undefined {
    const bounds = this.#bounds;
    if (bounds.mode === "heartbeat" || bounds.mode === "empty") return undefined;
    if (bounds.mode === "broken") return this.#broken(bytes[start] as number);
    const tag = this.#options.rules.tagRule.tagOf(bytes, bounds.tagStart, bounds.tagEnd);
    if (isTooLarge(end - start, this.#options.rules, tag, this.#options)) return undefined;
    const { optionKeyLimit } = this.#options.rules.limits;
    const option = this.#option;
    readOption(bytes, bounds.optionStart, bounds.optionEnd, option, optionKeyLimit);
    if (option.fluentSignal !== 0) return this.#drop("fluent_signal", bytes);
    if (tag === undefined) return this.#drop("invalid_tag", bytes);
    this.#source = undefined;
    const found = option.chunkEnd > 0 ? this.#findAgain(tag, bytes) : "new";
    if (found === "done") return undefined;
    if (found === "part") this.readEnd();
    const wait = this.#takeMessage(tag, bytes, isOwned);
    if (found !== "part") return wait;
    if (wait) return wait.then(() => this.readEnd());
    this.readEnd();
    return undefined;
  }

  #takeMessage(tag: string, bytes: Buffer, isOwned: boolean): Promise<void> | undefined {
    const { mode, bodyStart, bodyEnd } = this.#bounds;
    const { compressed } = this.#option;
    if (mode === "message") this.#message(tag, bytes);
    else if (mode === "packed" && compressed !== undefined && compressed !== "text") {
      return this.#compressed(tag, bytes, isOwned, compressed);
    } else this.#batch(tag, bytes, bodyStart, bodyEnd, isOwned ? bytes : undefined);
    return undefined;
  }

  /** Whether the message came before: then it is acked again, or, where outputs have parts of it, taken by itself. */
  #findAgain(tag: string, bytes: Buffer): "new" | "part" | "done" {
    const { deliveries, resends } = this.#options;
    const { chunkStart, chunkEnd } = this.#option;
    if (!resends?.knows(bytes, chunkStart, chunkEnd)) return "new";
    const { bodyStart, bodyEnd } = this.#bounds;
    const id = bytes.toString("latin1", chunkStart, chunkEnd);
    this.#source = resends.sourceOf(id, tag, bytes.subarray(bodyStart, bodyEnd));
    let found = resends.find(this.#source);
    if (found === "gathered") {
      // One read may hold a chunk twice: the first must be on its way before the second is looked for.
      this.readEnd();
      found = resends.find(this.#source);
    }
    if (!(found instanceof Promise)) return found === "part" ? "part" : "new";
    deliveries.acknowledgeAgain(ackOf(bytes.subarray(chunkStart, chunkEnd)), found, tag);
    return "done";
  }

  /** The batch at hand is not acked before this message may be, whose id is in `idBytes`. */
  #expectAck(idBytes: Buffer): void {
    const { chunkStart, chunkEnd } = this.#option;
    if (chunkEnd === 0) return;
    this.#acks.add(idBytes, chunkStart, chunkEnd);
    if (!this.#source) return;
    this.#sources.push(this.#source);
    this.#options.resends?.gather(this.#source);
  }

  #message(tag: string, bytes: Buffer): void {
    const { bodyStart, recordStart, bodyEnd } = this.#bounds;
    this.#gather(tag, bodyEnd - bodyStart);
    if (!this.#entries.writeEvent(bytes, bodyStart, recordStart, bodyEnd)) {
      this.#dropped += 1;
      this.#fault = "invalid_event";
      this.#warn("got invalid event and drop it:", { tag });
    }
    this.#expectAck(bytes);
  }

  /** Forward and PackedForward: the entries `bytes[start, end)`. `memory` is what the message came in, where that is its own. */
  #batch(
    tag: string,
    bytes: Buffer,
    start: number,
    end: number,
    memory: Buffer | undefined,
    decompressed?: Decompressed,
  ): void {
    const { nestingLimit } = this.#options.rules.limits;
    const idBytes = decompressed?.idBytes ?? bytes;
    const walk = this.#bounds.walk ?? walkEntries(bytes, start, end, Number.POSITIVE_INFINITY, nestingLimit);
    const isWhole = walk.end === end;
    if (!isWhole) {
      this.#options.counters.add("protocol_errors", 1, "truncated_entries");
      this.#dropped += 1;
      this.#fault = "invalid_event";
      this.#warn("a message ends within an entry; the entries before it are kept", { tag });
    }
    if (walk.plain && this.#entries.isVerbatim(this.#bounds.mode === "packed")) {
      const bodyChecksum = decompressed ? decompressed.checksum : this.#source?.bodyChecksum;
      const checksum = isWhole ? bodyChecksum : undefined;
      if (decompressed || (memory && end - start >= LARGE_BODY_BYTES)) {
        const packed = bytes.subarray(start, walk.end);
        this.#isMemoryKept = true;
        const details = {
          compressed: isWhole ? decompressed?.compressed : undefined,
          release: memory && isWhole ? () => batchMemory.give(memory) : undefined,
          checksum,
        };
        this.#deliverAlone(tag, new EventStream(packed, walk.count, details), idBytes);
        return;
      }
      this.#gather(tag, walk.end - start);
      this.#entries.copyEntries(bytes, start, walk.end, walk.count, checksum);
    } else {
      this.#gather(tag, end - start);
      const dropped = this.#entries.writeEntries(bytes, start, walk.end);
      this.#dropped += dropped;
      if (dropped > 0) {
        this.#fault = "invalid_event";
        this.#warn("skip invalid event:", { tag, events: dropped });
      }
    }
    this.#expectAck(idBytes);
  }

  #compressed(tag: string, bytes: Buffer, isOwned: boolean, name: string): Promise<void> | undefined {
    const method = this.#compressionMethod(name);
    const { bodyStart, bodyEnd } = this.#bounds;
    const part = bytes.subarray(bodyStart, bodyEnd);
    const body = isOwned ? part : Buffer.from(part);
    const idBytes = isOwned ? bytes : this.#option.keepChunk(bytes); // the memory of a read is used again meanwhile
    this.#isMemoryKept = true;
    const take = ({ bytes: plain, checksum }: Plain) => {
      const details = { compressed: { method, bytes: body }, checksum, idBytes };
      this.#batch(tag, plain, 0, plain.length, isOwned ? bytes : undefined, details);
    };
    const plain = decompress(method, body, this.#options.rules.limits);
    if (plain instanceof Promise) {
      this.readEnd();
      return plain.then(take);
    }
    take(plain);
    return undefined;
  }

  #compressionMethod(name: string): CompressionMethod {
    if (name !== "gzip" && name !== "zstd") throw new MalformedError(`the compression '${name}' is not known`);
    if (!canDecompress(name)) this.#options.counters.add("protocol_errors", 1, "zstd_unavailable");
    return name;
  }

  #deliverAlone(tag: string, events: EventStream, idBytes: Buffer): void {
    this.readEnd();
    this.#expectAck(idBytes);
    this.#deliver(tag, events);
  }

  /** Begins a new batch unless the one at hand has this tag. */
  #gather(tag: string, byteSize: number): void {
    if (this.#entries.size > 0 && this.#tag === tag) return;
    this.readEnd();
    this.#tag = tag;
    this.#entries.begin(Math.max(byteSize, BATCH_BYTES));
  }

  /** Whole messages that no retry can mend: counted, and acked so that the sender does not come again for ever. */
  #drop(reason: "fluent_signal" | "invalid_tag", bytes: Buffer): undefined {
    const { mode, bodyStart, bodyEnd } = this.#bounds;
    const { compressed, chunkStart, chunkEnd } = this.#option;
    const isOpaque = mode === "message" || compressed !== undefined || reason === "fluent_signal";
    const events = isOpaque ? 1 : walkEntries(bytes, bodyStart, bodyEnd).count;
    this.#options.counters.add("received_events", events);
    this.#options.counters.add("dropped_events", events, reason);
    if (reason === "invalid_tag") {
      this.#fault = reason;
      this.#warn("got a message with an invalid tag and drop it", {});
    }
    if (chunkEnd > 0) this.#options.deliveries.acknowledge(ackOf(bytes.subarray(chunkStart, chunkEnd)));
    return undefined;
  }

  #countDropped(): void {
    this.#options.counters.add("received_events", this.#dropped);
    this.#options.counters.add("dropped_events", this.#dropped, "invalid_event");
    this.#dropped = 0;
  }

  /** One warning for each connection; after BROKEN_MESSAGES_LIMIT the peer speaks another protocol. */
  #broken(type: number): undefined {
    const { counters } = this.#options;
    counters.add("protocol_errors", 1, "broken_message");
    this.#brokenMessages += 1;
    if (this.#brokenMessages === 1) this.#warn("incoming chunk is broken:", { type: `0x${type.toString(16)}` });
    if (this.#brokenMessages < BROKEN_MESSAGES_LIMIT) return undefined;
    throw new MalformedError(`${BROKEN_MESSAGES_LIMIT} messages were no arrays: the peer does not speak Forward`);
  }

  #warn(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.warnings.warn(message, { host: this.#options.host, ...fields });
  }
}
