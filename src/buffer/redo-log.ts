/**
 * The redo log of a buffer, `<prefix>.redo` beside its chunks: takes what the journal and the chunks have grown by, so that
 * one sync makes all of it safe. A start after a loss of the machine writes it into these files again.
 *
 * What it says is true for as long as the file exists, since these only grow. So it may be repeated, old records behind new
 * ones do no harm, and its room is used from the beginning again once the files themselves are on the disk.
 *
 * It begins with u8 length and what the machine calls the time since its start. Then come records:
 *
 * | bytes | content                                                                       |
 * |-------|-------------------------------------------------------------------------------|
 * | 0     | `ad`: a record begins                                                         |
 * | 1-4   | u32 CRC-32 of all bytes behind it                                             |
 * | 5-8   | u32 length of the pieces, which follow                                        |
 * | piece | 16 bytes id of a file, f64 where in it, u32 length, bytes; big-endian         |
 *
 * The id is that of the chunk; of a segment of the journal it is twelve zero bytes and its number, u32. So a start removes
 * the log before it makes segments, whose numbers may be given again.
 */

import { crc32 } from "node:zlib";
import { type FileSystem, writeAll } from "./file-system.ts";

/** What a file has from `start` on. */
export interface RedoPiece {
  readonly id: Buffer;
  readonly start: number;
  readonly byteSize: number;
  /** Fills `target`, of `byteSize` bytes. Throws when it cannot. */
  read(target: Buffer): void;
}

const MARKER = 0xad;
const HEADER_BYTES = 9;
const ID_BYTES = 16;
const PIECE_HEADER_BYTES = ID_BYTES + 12;

/** Then the files are synced, and it begins again: with 200 tags about once a second. */
export const REDO_LOG_BYTES = 16 * 1024 * 1024;
/** What is longer is better written once, into its own file. */
export const REDO_PIECE_BYTES = 64 * 1024;
/** What does not fit into one record goes into the next. */
const RECORD_BYTES = 256 * 1024;
/** The record that is being filled: all redo logs share it, since a write is done when it returns. */
let memory: Buffer | undefined;

export interface RedoLogOptions {
  readonly fileSystem: FileSystem;
  readonly fileMode: number;
  /** It is full when it has so many bytes, or a few more. */
  readonly redoLogBytes: number;
}

export class RedoLog {
  readonly #path: string;
  readonly #options: RedoLogOptions;
  #file: number | undefined;
  #firstRecord = 0;
  #byteSize = 0;

  /** `prefix` is what chunk file names begin with, with their folder. */
  constructor(options: RedoLogOptions, prefix: string) {
    this.#options = options;
    this.#path = redoLogPath(prefix);
  }

  /** Its file has been made: the name is to be synced, too. */
  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  get isFull(): boolean {
    return this.#byteSize >= this.#options.redoLogBytes;
  }

  /** Appends all of it; pieces have REDO_PIECE_BYTES at the most. Throws what reading and writing throw; then some of it may be there. */
  write(pieces: readonly RedoPiece[]): void {
    if (this.#file === undefined) this.#create();
    memory ??= Buffer.allocUnsafeSlow(RECORD_BYTES);
    let length = HEADER_BYTES;
    for (const piece of pieces) {
      if (length + PIECE_HEADER_BYTES + piece.byteSize > RECORD_BYTES) length = this.#writeRecord(memory, length);
      length = putPiece(memory, length, piece);
    }
    this.#writeRecord(memory, length);
  }

  /** Resolves when what was written is on the disk. Rejects with the system's errors. */
  sync(): Promise<void> {
    return this.#options.fileSystem.sync(this.#path);
  }

  /** What it says is of no use any more: the next write begins it anew. */
  restart(): void {
    this.#byteSize = this.#firstRecord;
  }

  /** The next write makes it anew. */
  close(): void {
    if (this.#file !== undefined) this.#options.fileSystem.close(this.#file);
    this.#file = undefined;
  }

  async remove(): Promise<void> {
    this.close();
    await this.#options.fileSystem.remove(this.#path);
  }

  #create(): void {
    const { fileSystem, fileMode } = this.#options;
    const machineStart = Buffer.from(fileSystem.machineStart(), "latin1");
    const start = Buffer.concat([Buffer.of(machineStart.length), machineStart]);
    const file = fileSystem.open(this.#path, "create", fileMode);
    try {
      writeAll(fileSystem, file, [start], 0);
    } catch (error) {
      fileSystem.close(file);
      throw error;
    }
    this.#file = file;
    this.#firstRecord = start.length;
    this.restart();
  }

  /** Writes the record that has `length` bytes; gives where the pieces of the next one begin. */
  #writeRecord(record: Buffer, length: number): number {
    const bytes = record.subarray(0, length);
    bytes[0] = MARKER;
    bytes.writeUInt32BE(length - HEADER_BYTES, 5);
    bytes.writeUInt32BE(crc32(bytes.subarray(5)), 1);
    writeAll(this.#options.fileSystem, this.#file as number, [bytes], this.#byteSize);
    this.#byteSize += length;
    return HEADER_BYTES;
  }
}

/** What a segment of the journal is called in the log. */
export function segmentId(number: number): Buffer {
  const id = Buffer.alloc(ID_BYTES);
  id.writeUInt32BE(number, ID_BYTES - 4);
  return id;
}

export function redoLogPath(prefix: string): string {
  return `${prefix}.redo`;
}

/** Bytes that belong into a file at `start`. */
export interface RedoneBytes {
  readonly id: Buffer;
  readonly start: number;
  readonly bytes: Buffer;
}

/** What the machine called the time since its start when the log was made: what was written since then has not been lost. */
export function machineStartOf(log: Buffer): string {
  return log.toString("latin1", 1, 1 + (log[0] ?? 0));
}

/** What a redo log says, in order, up to the first record that is not whole. */
export function* readRedoLog(log: Buffer): IterableIterator<RedoneBytes> {
  for (let position = 1 + (log[0] ?? 0); position + HEADER_BYTES <= log.length && log[position] === MARKER; ) {
    const end = position + HEADER_BYTES + log.readUInt32BE(position + 5);
    if (end > log.length) return;
    if (crc32(log.subarray(position + 5, end)) !== log.readUInt32BE(position + 1)) return;
    for (let at = position + HEADER_BYTES; at < end; ) {
      const id = log.subarray(at, at + ID_BYTES);
      const start = log.readDoubleBE(at + ID_BYTES);
      const dataStart = at + PIECE_HEADER_BYTES;
      at = dataStart + log.readUInt32BE(dataStart - 4);
      yield { id, start, bytes: log.subarray(dataStart, at) };
    }
    position = end;
  }
}

/** Puts the piece into the record; gives where it ends. */
function putPiece(record: Buffer, position: number, piece: RedoPiece): number {
  piece.id.copy(record, position);
  record.writeDoubleBE(piece.start, position + ID_BYTES);
  record.writeUInt32BE(piece.byteSize, position + ID_BYTES + 8);
  const start = position + PIECE_HEADER_BYTES;
  const end = start + piece.byteSize;
  piece.read(record.subarray(start, end));
  return end;
}
