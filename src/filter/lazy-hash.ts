/**
 * Records as embedded Ruby sees them. A hash is an ordered map over msgpack bytes, of which only the fields are decoded
 * that someone reads; what nobody changed goes back as the very bytes that it came from. Nothing is lost on the way:
 * floats stay floats, integers exact, bin stays bin, ext stays ext, and so do bytes that are no UTF-8.
 */

import { integerValue } from "../config/ruby/number-methods.ts";
import { bytesText, textBytes } from "../config/ruby/text.ts";
import { RubyBinary, RubyFloat, type RubyHash, RubyObject, type RubyValue, toText } from "../config/ruby/values.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { ABSENT, findField, mapSize, mapStart, mayHaveDoubles } from "../event/record-fields.ts";
import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import { isMapType, isTimeAt, readUint16, readUint32, skipValue } from "../event/walker.ts";
import { EVENT_TIME_CLASS, eventTimeMethods } from "./ruby-event-time.ts";

export class LazyHash extends Map<string, RubyValue> implements RubyHash {
  /** The map's own bytes, `[start, end)`. */
  readonly bytes: Buffer;
  readonly start: number;
  /** Arrays and hashes that were handed out, which may change later, by the field that they came from. */
  #handedOut: Map<string, RubyValue> | undefined;
  /** Fields that were set, while the others are not decoded. */
  #written: Map<string, RubyValue> | undefined;
  #isDecoded = false;
  #isChanged = false;

  constructor(bytes: Buffer, start: number) {
    super();
    this.bytes = bytes;
    this.start = start;
  }

  /** Whether the bytes may no longer say what the hash holds. Arrays keep no books: one that was read counts. */
  get mayHaveChanged(): boolean {
    return this.#isChanged || !this.changedFields().next().done;
  }

  /** Arrays and hashes of the original fields that may hold something else now. */
  *changedFields(): IterableIterator<[string, RubyValue]> {
    if (!this.#handedOut) return;
    for (const [key, value] of this.#handedOut) if (mayHaveChanged(value)) yield [key, value];
  }

  /** What goes between its bytes, or in place of fields in them; undefined where they say too little of what it holds. */
  get overlay(): ReadonlyMap<string, RubyValue> | undefined {
    if (this.#isDecoded || mayHaveDoubles(this.bytes, this.start)) return undefined;
    const written = this.#written ?? NONE;
    return this.#handedOut ? new Map([...this.changedFields(), ...written]) : written;
  }

  override get size(): number {
    return this.#isDecoded ? super.size : this.#decoded().size;
  }

  override get(key: string): RubyValue | undefined {
    if (this.#isDecoded) return super.get(key);
    const known = this.#written?.has(key) ? this.#written.get(key) : this.#handedOut?.get(key);
    if (known !== undefined) return known;
    const position = findField(this.bytes, this.start, fieldName(key));
    return position === ABSENT ? undefined : this.#handOut(key, readRubyValue(this.bytes, position));
  }

  override has(key: string): boolean {
    if (this.#isDecoded) return super.has(key);
    return (this.#written?.has(key) ?? false) || findField(this.bytes, this.start, fieldName(key)) !== ABSENT;
  }

  override set(key: string, value: RubyValue): this {
    // Map's own constructor calls nothing of this: it is given no entries.
    this.#isChanged = true;
    if (this.#isDecoded) return super.set(key, value);
    this.#written ??= new Map();
    this.#written.set(key, value);
    return this;
  }

  override delete(key: string): boolean {
    this.#decoded();
    this.#isChanged = true;
    return super.delete(key);
  }

  override clear(): void {
    this.#decoded();
    this.#isChanged = true;
    super.clear();
  }

  override entries(): MapIterator<[string, RubyValue]> {
    this.#decoded();
    return super.entries();
  }

  override keys(): MapIterator<string> {
    this.#decoded();
    return super.keys();
  }

  override values(): MapIterator<RubyValue> {
    this.#decoded();
    return super.values();
  }

  override [Symbol.iterator](): MapIterator<[string, RubyValue]> {
    return this.entries();
  }

  #decoded(): this {
    if (this.#isDecoded) return this;
    let key = mapStart(this.bytes, this.start);
    for (let left = mapSize(this.bytes, this.start); left > 0; left--) {
      const value = skipValue(this.bytes, key, this.bytes.length);
      const name = keyText(this.bytes, key);
      super.set(name, this.#handedOut?.get(name) ?? readRubyValue(this.bytes, value));
      key = skipValue(this.bytes, value, this.bytes.length);
    }
    for (const [name, value] of super.entries()) this.#handOut(name, value); // Of a name that stands twice the last one.
    for (const [name, value] of this.#written ?? []) super.set(name, value);
    this.#written = undefined;
    this.#isDecoded = true;
    return this;
  }

  #handOut(key: string, value: RubyValue): RubyValue {
    if (!Array.isArray(value) && !(value instanceof LazyHash)) return value;
    this.#handedOut ??= new Map();
    this.#handedOut.set(key, value);
    return value;
  }
}

const NONE: ReadonlyMap<string, RubyValue> = new Map();

/** Names that expressions ask for: a configuration has a handful, data may make more. */
const fieldNames = new Map<string, Buffer>();
const MAX_FIELD_NAMES = 1000;

/** Their bytes. */
function fieldName(name: string): Buffer {
  let bytes = fieldNames.get(name);
  if (!bytes) {
    bytes = textBytes(name);
    if (fieldNames.size < MAX_FIELD_NAMES) fieldNames.set(name, bytes);
  }
  return bytes;
}

function mayHaveChanged(value: RubyValue): boolean {
  return value instanceof LazyHash ? value.mayHaveChanged : true;
}

/** An ext value: an event time, or anything that is only passed on. */
export class RubyExtension extends RubyObject {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    const seconds = isTimeAt(bytes, 0) ? secondsAt(bytes, 0, bytes.length) : 0;
    super(EVENT_TIME_CLASS, eventTimeMethods(seconds, nanosecondsAt(bytes, 0)), String(seconds));
    this.bytes = bytes;
  }
}

/** The value at `position`. Hashes decode their fields when these are read, from these very bytes. */
export function readRubyValue(bytes: Buffer, position: number): RubyValue {
  const type = bytes[position] as number;
  const header = stringHeader(type);
  if (header > 0) {
    const text = bytesText(bytes, position + header, skipValue(bytes, position, bytes.length));
    return type >= 0xc4 && type <= 0xc6 ? new RubyBinary(text) : text;
  }
  if (isMapType(type)) return new LazyHash(bytes, position);
  if (isArrayType(type)) return readArray(bytes, position);
  if (type < 0x80) return type;
  if (type >= 0xe0) return type - 0x100;
  return readScalar(bytes, position, type);
}

function readScalar(bytes: Buffer, position: number, type: number): RubyValue {
  switch (type) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xca:
      return floatOf(bytes.readFloatBE(position + 1));
    case 0xcb:
      return floatOf(bytes.readDoubleBE(position + 1));
    case 0xcc:
      return bytes[position + 1] as number;
    case 0xcd:
      return readUint16(bytes, position + 1);
    case 0xce:
      return readUint32(bytes, position + 1);
    case 0xcf:
      return integerValue(bytes.readBigUInt64BE(position + 1));
    case 0xd0:
      return bytes.readInt8(position + 1);
    case 0xd1:
      return bytes.readInt16BE(position + 1);
    case 0xd2:
      return bytes.readInt32BE(position + 1);
    case 0xd3:
      return integerValue(bytes.readBigInt64BE(position + 1));
    default:
      return new RubyExtension(bytes.subarray(position, skipValue(bytes, position, bytes.length)));
  }
}

const floatOf = (value: number): RubyValue => (Number.isInteger(value) ? new RubyFloat(value) : value);

function readArray(bytes: Buffer, position: number): RubyValue[] {
  let next = position + containerHeader(bytes[position] as number);
  return Array.from({ length: arrayLength(bytes, position) }, () => {
    const value = readRubyValue(bytes, next);
    next = skipValue(bytes, next, bytes.length);
    return value;
  });
}

/** The name of a field, as text also where it is none. */
function keyText(bytes: Buffer, position: number): string {
  return toText(readRubyValue(bytes, position));
}
