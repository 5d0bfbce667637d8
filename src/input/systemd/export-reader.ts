/**
 * Reads what `journalctl --output=export` writes:
 *
 *     entry := field* NEWLINE
 *     field := NAME '=' text NEWLINE | NAME NEWLINE length(8 bytes, little endian) bytes NEWLINE
 *
 * Unlike its JSON this form keeps every byte and the order of the fields. Source: systemd.io/JOURNAL_EXPORT_FORMATS.
 */

export interface JournalEntry {
  readonly cursor: string;
  /** Microseconds since 1970. */
  readonly realtime: number;
  /** Of a field that stands twice, the last value; at the first one's place. */
  readonly fields: ReadonlyMap<string, Buffer>;
}

const NEWLINE = 0x0a;
const EQUALS = 0x3d;
const LENGTH_BYTES = 8;

/** Core dumps are fields, too. */
const FIELD_LIMIT_BYTES = 8 * 1024 * 1024;

export class ExportReader {
  readonly #onTooLong: (byteSize: number) => void;
  #rest: Buffer = Buffer.alloc(0);
  #fields = new Map<string, Buffer>();
  /** Bytes to leave out; Infinity: up to the end of the line. */
  #skip = 0;

  /** `onTooLong` is told of each field that is left out, since it is too long. */
  constructor(onTooLong: (byteSize: number) => void) {
    this.#onTooLong = onTooLong;
  }

  /** The entries that end in `bytes`. They keep views of it. */
  push(bytes: Buffer): JournalEntry[] {
    const text = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    const entries: JournalEntry[] = [];
    let position = 0;
    for (let next = this.#take(text, 0, entries); next >= 0; next = this.#take(text, position, entries)) {
      position = next;
      if (position >= text.length) break;
    }
    this.#rest = text.subarray(position);
    return entries;
  }

  /** Takes a field or an entry's end; gives the position behind it, or -1 when it is not whole. */
  #take(text: Buffer, position: number, entries: JournalEntry[]): number {
    if (this.#skip > 0) return this.#skipOn(text, position);
    const newline = text.indexOf(NEWLINE, position);
    if (newline < 0) {
      if (text.length - position <= FIELD_LIMIT_BYTES) return -1;
      this.#onTooLong(text.length - position);
      this.#skip = Number.POSITIVE_INFINITY;
      return text.length;
    }
    if (newline === position) {
      this.#end(entries);
      return newline + 1;
    }
    const equals = text.indexOf(EQUALS, position);
    if (equals < 0 || equals > newline) return this.#takeBinary(text, position, newline);
    this.#fields.set(text.toString("latin1", position, equals), text.subarray(equals + 1, newline));
    return newline + 1;
  }

  #takeBinary(text: Buffer, position: number, newline: number): number {
    const start = newline + 1 + LENGTH_BYTES;
    if (text.length < start) return -1;
    const length = Number(text.readBigUInt64LE(newline + 1));
    if (length > FIELD_LIMIT_BYTES) {
      this.#onTooLong(length);
      this.#skip = length + 1;
      return start;
    }
    if (text.length <= start + length) return -1;
    this.#fields.set(text.toString("latin1", position, newline), text.subarray(start, start + length));
    return start + length + 1;
  }

  #skipOn(text: Buffer, position: number): number {
    if (position >= text.length) return -1;
    if (this.#skip === Number.POSITIVE_INFINITY) {
      const newline = text.indexOf(NEWLINE, position);
      if (newline >= 0) this.#skip = 0;
      return newline < 0 ? text.length : newline + 1;
    }
    const count = Math.min(this.#skip, text.length - position);
    this.#skip -= count;
    return position + count;
  }

  /** Names with two underscores are the journal's own words about the entry. */
  #end(entries: JournalEntry[]): void {
    const fields = this.#fields;
    this.#fields = new Map();
    const cursor = fields.get("__CURSOR")?.toString();
    const realtime = Number(fields.get("__REALTIME_TIMESTAMP"));
    if (cursor === undefined || !Number.isSafeInteger(realtime)) return;
    for (const name of fields.keys()) if (name.startsWith("__")) fields.delete(name);
    entries.push({ cursor, realtime, fields });
  }
}
