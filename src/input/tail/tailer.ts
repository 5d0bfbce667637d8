/**
 * Reads one file to its end, and on as it grows. The file is an inode, not a name: after a rotation the tailer goes on
 * with the file that it has until all of it is taken and `rotate_wait` has passed; only then is the part of a line that
 * its writer never ended handed over, too.
 *
 * The position moves when `emit` resolved, and never before. A refused batch is forgotten and read again later: a file
 * that waits costs a descriptor and no memory.
 */

import type { Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { errorMessage, SuiroError } from "../../errors.ts";
import type { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";
import { encode } from "../../event/msgpack.ts";
import type { Origin } from "../../event/origin.ts";
import type { Logger } from "../../logger.ts";
import type { Emitter } from "../../plugin.ts";
import type { RareWarnings } from "../../rare-warnings.ts";
import type { BlockOwner, BlockReader } from "./block-reader.ts";
import { type FileIdentity, isSameFile } from "./file-identity.ts";
import { fileOrigin } from "./file-origin.ts";
import { BLOCK_BYTES, BYTES_PER_LINE, EVENT_LIMIT_BYTES, RETRY_MS, SMALLEST_BLOCK_BYTES } from "./limits.ts";
import type { TextSource } from "./line-events.ts";
import type { LineSplitter, Taken } from "./line-splitter.ts";
import { type OpenFiles, readAt } from "./open-files.ts";
import type { Position } from "./position-file.ts";
import type { Allowance } from "./read-allowance.ts";
import { ReadLag } from "./read-lag.ts";
import { findRotatedFile } from "./rotated-file.ts";

/** What all files of one input share. */
export interface TailWork {
  readonly splitter: LineSplitter;
  readonly maxLineBytes: number;
  readonly reader: BlockReader;
  /** Takes the entries of one block at a time. */
  readonly writer: ByteWriter;
  readonly files: OpenFiles;
  readonly emitter: Emitter;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly warnings: RareWarnings;
  readonly linesPerBatch: number;
  readonly rotateWaitMs: number;
  /** After so long without new lines the last event of several lines is whole; undefined: only at the end. */
  readonly flushMs: number | undefined;
  /** At a stop: an event that is not known to be whole stays behind the position. */
  readonly keepsOpenEvents: boolean;
  /** Keep no file open between reads. */
  readonly opensEachTime: boolean;
}

export interface FollowedFile {
  /** Under which it is configured: for the tag and `path_key`. */
  readonly path: string;
  readonly tag: string;
  readonly identity: FileIdentity;
  /** What journals call it; undefined where positions are not kept. */
  readonly source: string | undefined;
  readonly position: Position;
  /** Where it lies now: at `path`, or where a rotation put it. */
  readonly place: string;
  readonly byteSize: number;
  readonly bytes: Allowance;
  readonly lines: Allowance;
}

/** Codes of refusals that another try may not meet. */
const PASSING = new Set(["BUFFER_OVERFLOW", "BUFFER_IO", "STOPPING", "NETWORK", "TIMEOUT", "ACK"]);

export class Tailer implements BlockOwner, TextSource {
  readonly file: FollowedFile;
  readonly path: string;
  readonly pathValue: Buffer;
  /** All of the file that is known to be there. */
  knownBytes: number;
  /** It still had its name then, by the clock of the file system, in nanoseconds; 0 where that is not known. */
  namedNs = 0n;
  /** When it lost its name or its place, on the monotonic clock. */
  rotatedAt: number | undefined;
  /** Called once, when a rotated file was read to its end for the first time, or cannot be. */
  onDrained: () => void = () => {};
  /** Called once, when nothing more will be read. */
  onFinished: (tailer: Tailer) => void = () => {};
  readonly #work: TailWork;
  readonly lag = new ReadLag();
  #offset: number;
  #place: string;
  #state: "idle" | "busy" | "waiting" | "finished" = "idle";
  #comesAgain = false;
  #isDrained = false;
  #isFinishing = false;
  #flushesNow = false;
  #isAtEnd = false;
  #isReading = false;
  #inFlightBytes = 0;
  #hasOpenEvent = false;
  #grewAt = 0;
  #readEnd = 0;
  /** Bytes from the offset without the end of a unit. */
  #searched = 0;
  #isScanning = false;
  /** Bytes of the next read, when a unit needs more than a block. */
  #wanted = 0;
  /** Where the next batch must end: it was handed over before, and some may hold it. */
  #boundary: number | undefined;

  constructor(file: FollowedFile, work: TailWork) {
    this.file = file;
    this.path = file.path;
    this.pathValue = encode(file.path);
    this.knownBytes = file.byteSize;
    this.#work = work;
    this.#offset = file.position.offset;
    this.#place = file.place;
    this.#readEnd = this.#offset;
    this.grew(file.byteSize);
    this.#boundary = file.position.boundary;
  }

  get offset(): number {
    return this.#offset;
  }

  /** The file has at least so many bytes. */
  grew(bytes: number): void {
    this.knownBytes = Math.max(this.knownBytes, bytes);
    this.lag.saw(this.knownBytes, this.#offset, this.#work.clock.monotonic());
  }

  /** Whether a rotated file was read to its end once, or cannot be. */
  get isDrained(): boolean {
    return this.#isDrained;
  }

  get isFinished(): boolean {
    return this.#state === "finished";
  }

  /** Does nothing until `start`: what was written before must be handed over first. */
  hold(): void {
    this.#state = "waiting";
  }

  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "idle";
    this.notify();
  }

  /** There may be something to read. */
  notify(): void {
    if (this.#state === "idle") {
      this.#state = "busy";
      this.#comesAgain = false;
      this.#work.reader.enqueue(this);
    } else if (this.#state === "busy") this.#comesAgain = true;
  }

  /** To be called about once a second: for what is due without a change of the file. What is read now needs no push. */
  tick(): void {
    if (this.#state !== "idle") return;
    const isOpenTooLong = this.#hasOpenEvent && this.#isFlushDue();
    if (this.rotatedAt !== undefined || !this.#isAtEnd || isOpenTooLong) this.notify();
  }

  /** The file is no longer what its path leads to. */
  rotate(): void {
    this.rotatedAt = this.#work.clock.monotonic();
    this.notify();
  }

  /** The file has a name that is followed, again. */
  keep(): void {
    this.rotatedAt = undefined;
    this.#isDrained = false;
    this.#isFinishing = false;
    this.notify();
  }

  /** Reads what is there and takes the last event as whole, unless it is read again at the next start: the agent stops. */
  flush(): void {
    this.#flushesNow = !this.#work.keepsOpenEvents;
    this.notify();
  }

  /** Reads no more. What was not taken is lost for the reason, and is counted and told; without one nothing is said. */
  abandon(reason?: "truncated" | "deleted" | "too_many_rotated"): void {
    if (this.#state === "finished") return;
    const lost = this.knownBytes - this.#offset - this.#inFlightBytes;
    this.#state = "finished";
    this.#work.reader.withdraw(this);
    if (reason && lost > 0) this.#lose(lost, reason);
    if (!this.#isReading) this.#work.files.close(this);
    this.#drained();
    this.onFinished(this);
  }

  #lose(bytes: number, reason: string): void {
    this.#work.counters.add("lost_bytes", bytes, reason);
    const fields = { path: this.path, inode: this.file.identity.inode, lost_bytes: bytes, from: this.#offset, reason };
    this.#work.logger.warn("a file is gone before all of it was read", fields);
  }

  async read(buffer: Buffer, limitBytes: number): Promise<void> {
    if (this.#state !== "busy") return;
    this.#isReading = true;
    try {
      const descriptor = await this.#open();
      if (descriptor === undefined) {
        this.abandon("deleted");
        return;
      }
      const { lines, bytes } = this.file;
      if (this.isFinished) return;
      if (lines.left === 0 || bytes.left === 0) {
        this.#isAtEnd = false;
        this.#rest();
      } else if (this.#isScanning) await this.#scan(descriptor, buffer, Math.min(limitBytes, bytes.left));
      else await this.#readUnits(descriptor, buffer, Math.min(limitBytes, bytes.left));
    } catch (error) {
      this.#work.files.close(this);
      this.#work.counters.add("disk_errors", 1, "tail_read");
      this.#work.warnings.warn("cannot read a file", { path: this.#place, error: errorMessage(error) });
      this.#isAtEnd = false;
      // The next tick tries again.
      if (!this.isFinished) this.#state = "idle";
    } finally {
      this.#isReading = false;
      if (this.#work.opensEachTime || this.isFinished) this.#work.files.close(this);
    }
  }

  async #readUnits(descriptor: number, buffer: Buffer, limitBytes: number): Promise<void> {
    const bound = this.#boundary === undefined ? 0 : this.#boundary - this.#offset;
    const maxLines = bound > 0 ? bound : Math.min(this.#work.linesPerBatch, this.file.lines.left);
    const length = bound > 0 ? bound : this.#lengthOf(maxLines, limitBytes);
    const target = length > limitBytes ? Buffer.allocUnsafe(length) : buffer;
    const fresh = this.#isAtEnd ? this.knownBytes - this.#offset : undefined;
    const count = await this.#work.reader.fill(target, length, descriptor, this.#offset, fresh);
    if (this.#state !== "busy") return;
    const isAtEnd = count < length;
    this.#sees(count);
    const { writer } = this.#work;
    writer.truncate(0);
    const parsed = { writer, size: 0 };
    const isFull = this.#work.splitter.gathersLines && count >= EVENT_LIMIT_BYTES;
    const block = target.subarray(0, count);
    const isAgain = bound > 0 && !isAtEnd;
    const isDue = isAtEnd && (this.#flushesNow || (this.#hasOpenEvent && this.#isFlushDue()));
    const isFinal = isAgain || (isAtEnd && this.#isFinishing);
    const end = { maxLines, isFinal, flushes: isAgain || isFull || isDue, searched: this.#searched };
    const taken = this.#work.splitter.take(block, end, parsed, this);
    this.#note(taken, count, length, maxLines);
    this.#hand(parsed.size, block.subarray(0, taken.bytes));
  }

  #lengthOf(maxLines: number, limitBytes: number): number {
    // One byte more than the unit tells whether the file ends there.
    if (this.#wanted > limitBytes) return this.#wanted + 1;
    return Math.min(limitBytes, Math.max(SMALLEST_BLOCK_BYTES, maxLines * BYTES_PER_LINE, this.#wanted));
  }

  /** Remembers what the next read needs to know. */
  #note(taken: Taken, count: number, length: number, maxLines: number): void {
    const isStuck = taken.bytes === 0 && count === length;
    this.#isAtEnd = count < length && taken.lines < maxLines;
    this.#hasOpenEvent = taken.hasOpenEvent;
    this.#searched = taken.lines < maxLines || taken.hasOpenEvent ? count - taken.bytes : 0;
    this.#isScanning = isStuck && (!this.#work.splitter.gathersLines || count >= EVENT_LIMIT_BYTES);
    this.#wanted = isStuck ? Math.min(Math.max(length, BLOCK_BYTES) * 2, EVENT_LIMIT_BYTES) : 0;
    this.file.lines.use(taken.bytes > 0 ? taken.lines : 0);
    this.file.bytes.use(taken.bytes > 0 ? taken.bytes : isStuck ? count : 0);
  }

  /** Looks for the end of a line that is longer than a block, and keeps none of it. */
  async #scan(descriptor: number, buffer: Buffer, limitBytes: number): Promise<void> {
    const { splitter, maxLineBytes } = this.#work;
    const from = this.#searched - (this.#searched % 4);
    const count = await readAt(descriptor, buffer, limitBytes, this.#offset + from);
    if (this.#state !== "busy") return;
    this.#sees(from + count);
    this.file.bytes.use(count);
    const newline = splitter.findNewline(buffer.subarray(0, count), 0);
    this.#isAtEnd = newline < 0 && count < limitBytes;
    this.#searched = from + (newline < 0 ? count : newline);
    if (newline < 0 && !(this.#isAtEnd && this.#isFinishing)) return this.#rest();
    this.#isScanning = false;
    const length = newline < 0 ? this.#searched : this.#searched + splitter.newlineBytes;
    if (length > maxLineBytes) {
      splitter.skipLong(this);
      this.#searched = 0;
      this.#advance(length);
    } else this.#wanted = length;
    this.#isAtEnd = false;
    this.#rest();
  }

  /** Hands the events of `text` over; the reader goes on with other files meanwhile. */
  #hand(size: number, text: Buffer): void {
    this.#boundary = undefined;
    if (size === 0) {
      this.#advance(text.length);
      this.#rest();
      return;
    }
    const { reader, writer } = this.#work;
    const events = EventStream.fromWriter(writer, size);
    const origin = fileOrigin(this.file.source, this.#offset, text);
    const held = events.packed.length;
    reader.hold(held);
    void this.#emit(events, text.length, origin).finally(() => reader.release(held));
  }

  async #emit(events: EventStream, bytes: number, origin: Origin | undefined): Promise<void> {
    const { emitter, counters, warnings, logger, clock } = this.#work;
    counters.add("received_events", events.size);
    counters.add("received_bytes", bytes);
    this.#inFlightBytes = bytes;
    try {
      await emitter.emit(this.file.tag, events, origin);
      counters.add("emitted_events", events.size);
    } catch (error) {
      if (error instanceof SuiroError && PASSING.has(error.code)) {
        this.#inFlightBytes = 0;
        if (this.isFinished) return this.#lose(bytes, "refused");
        warnings.warn("events are refused and will be read again", { tag: this.file.tag, error: error.message });
        this.#isAtEnd = false;
        this.#searched = 0;
        this.#boundary = this.#offset + bytes;
        clock.after(RETRY_MS, () => this.#rest(true));
        return;
      }
      counters.add("dropped_events", events.size, "emit_failed");
      logger.error("emit transaction failed:", { error, tag: this.file.tag });
    }
    this.#inFlightBytes = 0;
    this.#advance(bytes);
    this.#rest();
  }

  #advance(bytes: number): void {
    this.#offset += bytes;
    if (this.#state !== "finished" && bytes > 0) this.file.position.moveTo(this.#offset);
  }

  #sees(bytes: number): void {
    const end = this.#offset + bytes;
    if (end > this.#readEnd) this.#grewAt = this.#work.clock.monotonic();
    this.#readEnd = Math.max(this.#readEnd, end);
    this.grew(end);
  }

  /** What is to be done after a block. */
  #rest(isRetry = false): void {
    if (this.#state !== "busy") return;
    this.#state = "idle";
    const { lines, bytes } = this.file;
    const mayRead = lines.left > 0 && bytes.left > 0;
    if (this.#isAtEnd && this.rotatedAt !== undefined) this.#drained();
    if (isRetry || this.#comesAgain || (!this.#isAtEnd && mayRead)) return this.notify();
    if (!this.#isAtEnd) {
      this.#work.counters.add("files_throttled");
      if (lines.isClosed && this.rotatedAt !== undefined) this.abandon();
      return;
    }
    this.#flushesNow = false;
    if (this.rotatedAt === undefined) return;
    if (this.#isFinishing) this.abandon();
    else if (this.#work.clock.monotonic() - this.rotatedAt >= this.#work.rotateWaitMs) {
      this.#isFinishing = true;
      this.notify();
    }
  }

  #isFlushDue(): boolean {
    const { flushMs, splitter, clock } = this.#work;
    return flushMs !== undefined && splitter.waitsForMore && clock.monotonic() - this.#grewAt >= flushMs;
  }

  async #open(): Promise<number | undefined> {
    const { files } = this.#work;
    const { identity } = this.file;
    const open = files.get(this) ?? (await files.open(this, this.#place, identity));
    if (open !== undefined) return open;
    const found = await findRotatedFile([this.#place, this.path], identity.inode, identity.device);
    if (!found || !isSameFile(found.status, identity)) return undefined;
    this.#place = found.path;
    return files.open(this, found.path, identity);
  }

  #drained(): void {
    if (this.#isDrained) return;
    this.#isDrained = true;
    this.onDrained();
  }
}
