/**
 * The journal's files: segments `<prefix>.journal-<number>` beside the chunks, a name that fluentd does not look at.
 * Records are appended to the last one. A new segment begins with everything that still counts; the older ones go when
 * that is on the disk. Source: fluentd 1.18 buf_file.rb `resume` takes `<prefix>.*.<suffix>` only.
 */

import { basename, dirname, join } from "node:path";
import { BufferIoError, errorMessage } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { errorCode, type FileSystem, type Standing, writeAll } from "./file-system.ts";
import { decodeRecord, encodeRecord, JOURNAL_VERSION, type JournalRecord, nextMarker } from "./journal-record.ts";
import { JournalState } from "./journal-state.ts";
import { segmentId } from "./redo-log.ts";
import type { GrowingFile } from "./unsynced-files.ts";

export interface JournalFileOptions {
  readonly fileSystem: FileSystem;
  readonly logger: Logger;
  /** What chunk file names begin with, with their folder. */
  readonly prefix: string;
  readonly fileMode: number;
  /** SEGMENT_BYTES unless given. */
  readonly segmentBytes?: number | undefined;
}

/** A segment that has grown by so much, and to several times what it began with, is followed by the next. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
const GROWTH = 4;
/** A new segment begins with up to 65,536 sources: they are written together. */
const JOINED_BYTES = 256 * 1024;

const NO_ROOM = ["ENOSPC", "EDQUOT"];

export class JournalFile implements GrowingFile {
  readonly #options: JournalFileOptions;
  #number = 0;
  #file: number | undefined;
  #byteSize = 0;
  #baseBytes = 0;
  #olderPaths: string[] = [];
  /** A segment that could not be begun is on its way out: its name is not free yet. */
  #isRemoving = false;
  /** The segment that is written, or what an earlier process left, is on the disk. */
  #isSynced = true;
  /** Nothing is to be written, for it would not be found. `begin` ends that, too. */
  isSuspended = false;

  constructor(options: JournalFileOptions) {
    this.#options = options;
  }

  /** The segment that is written. */
  get path(): string {
    return segmentPath(this.#options.prefix, this.#number);
  }

  get id(): Buffer {
    return segmentId(this.#number);
  }

  get committedBytes(): number {
    return this.#byteSize;
  }

  get folder(): string {
    return dirname(this.#options.prefix);
  }

  /** It can be written: `begin` has succeeded. */
  get isOpen(): boolean {
    return this.#file !== undefined && !this.isSuspended;
  }

  /** Whether what is written to it goes where a restart would read it; undefined when it is closed. */
  get standing(): Standing | undefined {
    return this.#file === undefined ? undefined : this.#options.fileSystem.standing(this.#file, this.path);
  }

  get isDueForRotation(): boolean {
    const { segmentBytes = SEGMENT_BYTES } = this.#options;
    return this.#byteSize - this.#baseBytes > Math.max(segmentBytes, this.#baseBytes * GROWTH);
  }

  /** Reads every segment. Throws BufferIoError when one cannot be read. */
  read(): JournalState {
    const { fileSystem, prefix, logger } = this.#options;
    let state = new JournalState();
    for (const { number, path } of segmentsOf(prefix, fileSystem)) {
      this.#number = Math.max(this.#number, number);
      this.#olderPaths.push(path);
      let bytes: Buffer;
      try {
        bytes = fileSystem.readAll(path);
      } catch (error) {
        if (errorCode(error) !== "EIO") {
          throw new BufferIoError(`cannot read the journal ${path}: ${errorMessage(error)}`, { cause: error });
        }
        logger.error("the disk cannot read a journal: chunks are looked through instead", { path, error });
        state.isMissing = false;
        state.isDamaged = true;
        continue;
      }
      state = readSegment(bytes, state, fileSystem.machineStart(), (message) => logger.warn(message, { path }));
    }
    return state;
  }

  /** Begins the next segment with `records`, which say all that counts. Throws BufferIoError; the old one stays. */
  begin(records: Iterable<JournalRecord>): void {
    const { fileSystem, fileMode, prefix } = this.#options;
    const path = segmentPath(prefix, this.#number + 1);
    if (this.#isRemoving) throw new BufferIoError(`the journal ${path} could not be begun, and is being removed`);
    let file: number | undefined;
    let byteSize = 0;
    const start = { type: "start", version: JOURNAL_VERSION, machineStart: fileSystem.machineStart() } as const;
    try {
      file = fileSystem.open(path, "create", fileMode);
      for (const bytes of joined(segmentBase(start, records))) {
        writeAll(fileSystem, file, [bytes], byteSize);
        byteSize += bytes.length;
      }
    } catch (error) {
      if (file !== undefined) this.#discard(file, path);
      throw ioError(path, error);
    }
    this.close();
    // One that never came to the disk says nothing that this one does not.
    if (!this.#isSynced) void fileSystem.remove(this.path).catch(() => {});
    else if (this.#number > 0 && !this.#olderPaths.includes(this.path)) this.#olderPaths.push(this.path);
    this.#isSynced = false;
    this.#file = file;
    this.isSuspended = false;
    this.#number += 1;
    this.#byteSize = byteSize;
    this.#baseBytes = byteSize;
  }

  /** Appends one record. Throws BufferIoError; then the record is not there. */
  write(record: JournalRecord): void {
    if (this.#file === undefined || this.isSuspended) throw new BufferIoError(`the journal ${this.path} is closed`);
    try {
      const bytes = encodeRecord(record);
      writeAll(this.#options.fileSystem, this.#file, [bytes], this.#byteSize);
      this.#byteSize += bytes.length;
    } catch (error) {
      this.#cutBack();
      // On a full disk the next record may fit. Else nobody knows what this file still takes: the next record begins another.
      if (!NO_ROOM.includes(errorCode(error))) this.close();
      throw ioError(this.path, error);
    }
  }

  readNow(target: Buffer, start: number): void {
    const count = this.#options.fileSystem.readNow(this.#file as number, target, start);
    if (count < target.length) throw new BufferIoError(`the journal ${this.path} ends at byte ${start + count}`);
  }

  /** Rejects with the system's errors. */
  async sync(): Promise<void> {
    const { path } = this;
    await this.#options.fileSystem.sync(path);
    if (path === this.path) this.#isSynced = true;
  }

  /** Removes the older segments, if the one that is written is on the disk: then they are of no use. */
  async removeOlder(): Promise<void> {
    if (!this.#isSynced) return;
    const paths = this.#olderPaths;
    this.#olderPaths = [];
    for (const path of paths) await this.#options.fileSystem.remove(path);
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      if (file !== undefined) this.#options.fileSystem.close(file);
    } catch {
      // The descriptor is gone either way.
    }
  }

  /** Closes it and removes every segment. */
  async remove(): Promise<void> {
    this.close();
    this.#olderPaths.push(this.path);
    this.#isSynced = true;
    await this.removeOlder();
  }

  /** Without its `base` it says nothing that the old ones do not. */
  #discard(file: number, path: string): void {
    const { fileSystem } = this.#options;
    fileSystem.close(file);
    this.#isRemoving = true;
    const done = () => {
      this.#isRemoving = false;
    };
    fileSystem.remove(path).then(done, done);
  }

  #cutBack(): void {
    try {
      this.#options.fileSystem.truncate(this.#file as number, this.#byteSize);
    } catch {
      // The next record is written over the torn one; a restart takes a torn one for none.
    }
  }
}

/** The segments that are there, in order. */
export function segmentsOf(prefix: string, fileSystem: FileSystem): { number: number; path: string }[] {
  const start = `${basename(prefix)}.journal-`;
  return fileSystem.list(dirname(prefix)).flatMap((name) => {
    const number = name.startsWith(start) ? Number(name.slice(start.length)) : Number.NaN;
    return Number.isSafeInteger(number) ? [{ number, path: join(dirname(prefix), name) }] : [];
  });
}

function segmentPath(prefix: string, number: number): string {
  return `${prefix}.journal-${String(number).padStart(8, "0")}`;
}

/** What a segment says; `earlier` where it is not whole. */
function readSegment(
  bytes: Buffer,
  earlier: JournalState,
  machineStart: string,
  warn: (message: string) => void,
): JournalState {
  const records: JournalRecord[] = [];
  let position = 0;
  let tornAt: number | undefined;
  for (let at = 0; at >= 0; at = nextMarker(bytes, position)) {
    if (at > position) tornAt ??= records.length;
    const decoded = decodeRecord(bytes, at);
    position = decoded?.end ?? at + 1;
    if (decoded) records.push(decoded.record);
    else tornAt ??= records.length;
    if (position >= bytes.length) break;
  }
  const [start] = records;
  const whole = tornAt ?? records.length;
  const isKnown = start?.type === "start" && start.version === JOURNAL_VERSION;
  const hasBase = isKnown && records.slice(0, whole).some(({ type }) => type === "base");
  if (!hasBase && !earlier.isMissing) return earlier; // It was not on the disk yet.
  const state = new JournalState();
  if (!hasBase) {
    warn("a journal cannot be read: chunks are looked through instead");
    state.isDamaged = true;
    if (isKnown) for (const record of records) state.apply(record);
    return state;
  }
  for (const record of records.slice(0, whole)) state.apply(record);
  if (whole < records.length) passGap(state, records.slice(whole), machineStart, warn);
  return state;
}

/**
 * Sound records behind unreadable ones. If the gap was never on the disk the power went, and nobody was told of what
 * stands behind it; else the disk has lost records, and what it still has counts.
 */
function passGap(
  state: JournalState,
  behind: readonly JournalRecord[],
  machineStart: string,
  warn: (message: string) => void,
): void {
  const synced = behind.reduce((most, record) => Math.max(most, record.type === "group" ? record.synced : 0), 0);
  const isTorn = state.isMachineLost(machineStart) && state.synced >= 0 && synced <= state.sequence;
  if (isTorn) {
    state.synced = Math.max(state.synced, synced);
    return;
  }
  warn("records of a journal are damaged: chunks are looked through instead");
  state.isDamaged = true;
  for (const record of behind) state.apply(record);
}

function* segmentBase(start: JournalRecord, records: Iterable<JournalRecord>): IterableIterator<JournalRecord> {
  yield start;
  yield* records;
  yield { type: "base" };
}

/** The bytes of all records in blocks of about JOINED_BYTES. */
function* joined(records: Iterable<JournalRecord>): IterableIterator<Buffer> {
  let parts: Buffer[] = [];
  let byteSize = 0;
  for (const record of records) {
    const bytes = Buffer.from(encodeRecord(record));
    parts.push(bytes);
    byteSize += bytes.length;
    if (byteSize < JOINED_BYTES) continue;
    yield Buffer.concat(parts);
    parts = [];
    byteSize = 0;
  }
  yield Buffer.concat(parts);
}

function ioError(path: string, cause: unknown): BufferIoError {
  const hint = errorCode(cause) === "ENOSPC" ? ": free some space" : "";
  return new BufferIoError(`can't write the journal ${path}, error = '${errorMessage(cause)}'${hint}`, { cause });
}
