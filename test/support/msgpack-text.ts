/**
 * msgpack as text that hides nothing: what two programs sent is the same if, and only if, the text is. Integers and
 * floats, strings and binaries, bytes that are no UTF-8, and the nanoseconds of times all show. Shares no code with the
 * product.
 */

/** The text of the value at `offset`, and where the next one begins. */
export interface TextAt {
  readonly text: string;
  readonly end: number;
}

/** Every value of `bytes`, one behind the other. */
export function msgpackTexts(bytes: Buffer): string[] {
  const texts: string[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const { text, end } = msgpackText(bytes, offset);
    texts.push(text);
    offset = end;
  }
  return texts;
}

export function msgpackText(bytes: Buffer, offset: number): TextAt {
  const type = bytes.readUInt8(offset);
  const next = offset + 1;
  if (type < 0x80) return { text: String(type), end: next };
  if (type >= 0xe0) return { text: String(type - 0x100), end: next };
  if (type < 0x90) return map(bytes, next, type & 0x0f);
  if (type < 0xa0) return list(bytes, next, type & 0x0f);
  if (type < 0xc0) return string(bytes, next, type & 0x1f);
  const read = READERS[type];
  if (!read) throw new Error(`0x${type.toString(16)} is no msgpack`);
  return read(bytes, next);
}

type Reader = (bytes: Buffer, offset: number) => TextAt;

const READERS: Record<number, Reader> = {
  192: constant("null"),
  194: constant("false"),
  195: constant("true"),
  196: sized(1, binary),
  197: sized(2, binary),
  198: sized(4, binary),
  199: sized(1, extension),
  200: sized(2, extension),
  201: sized(4, extension),
  202: (bytes, offset) => ({ text: `float32:${bytes.readFloatBE(offset)}`, end: offset + 4 }),
  203: (bytes, offset) => ({ text: float(bytes.readDoubleBE(offset)), end: offset + 8 }),
  204: (bytes, offset) => ({ text: String(bytes.readUInt8(offset)), end: offset + 1 }),
  205: (bytes, offset) => ({ text: String(bytes.readUInt16BE(offset)), end: offset + 2 }),
  206: (bytes, offset) => ({ text: String(bytes.readUInt32BE(offset)), end: offset + 4 }),
  207: (bytes, offset) => ({ text: String(bytes.readBigUInt64BE(offset)), end: offset + 8 }),
  208: (bytes, offset) => ({ text: String(bytes.readInt8(offset)), end: offset + 1 }),
  209: (bytes, offset) => ({ text: String(bytes.readInt16BE(offset)), end: offset + 2 }),
  210: (bytes, offset) => ({ text: String(bytes.readInt32BE(offset)), end: offset + 4 }),
  211: (bytes, offset) => ({ text: String(bytes.readBigInt64BE(offset)), end: offset + 8 }),
  212: (bytes, offset) => extension(bytes, offset, 1),
  213: (bytes, offset) => extension(bytes, offset, 2),
  214: (bytes, offset) => extension(bytes, offset, 4),
  215: (bytes, offset) => extension(bytes, offset, 8),
  216: (bytes, offset) => extension(bytes, offset, 16),
  217: sized(1, string),
  218: sized(2, string),
  219: sized(4, string),
  220: sized(2, list),
  221: sized(4, list),
  222: sized(2, map),
  223: sized(4, map),
};

function constant(text: string): Reader {
  return (_bytes, offset) => ({ text, end: offset });
}

function sized(lengthBytes: number, read: (bytes: Buffer, offset: number, length: number) => TextAt): Reader {
  return (bytes, offset) => read(bytes, offset + lengthBytes, bytes.readUIntBE(offset, lengthBytes));
}

/** A float never looks like an integer. */
function float(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function string(bytes: Buffer, offset: number, length: number): TextAt {
  const end = offset + length;
  return { text: stringText(bytes.subarray(offset, end)), end };
}

/** A string with these bytes. */
export function stringText(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? JSON.stringify(text) : `str:${bytes.toString("hex")}`;
}

function binary(bytes: Buffer, offset: number, length: number): TextAt {
  const end = offset + length;
  return { text: `bin:${bytes.toString("hex", offset, end)}`, end };
}

/** `offset` is that of the type byte. Type 0 with eight bytes is an EventTime. */
function extension(bytes: Buffer, offset: number, length: number): TextAt {
  const end = offset + 1 + length;
  if (bytes[offset] === 0 && length === 8) {
    const nanoseconds = String(bytes.readUInt32BE(offset + 5)).padStart(9, "0");
    return { text: `time:${bytes.readUInt32BE(offset + 1)}.${nanoseconds}`, end };
  }
  return { text: `ext${bytes.readInt8(offset)}:${bytes.toString("hex", offset + 1, end)}`, end };
}

function list(bytes: Buffer, offset: number, length: number): TextAt {
  const items: string[] = [];
  let end = offset;
  for (let index = 0; index < length; index++) {
    const item = msgpackText(bytes, end);
    items.push(item.text);
    end = item.end;
  }
  return { text: `[${items.join(",")}]`, end };
}

/** Fields stay in their order. */
function map(bytes: Buffer, offset: number, length: number): TextAt {
  const fields: string[] = [];
  let end = offset;
  for (let index = 0; index < length; index++) {
    const key = msgpackText(bytes, end);
    const value = msgpackText(bytes, key.end);
    fields.push(`${key.text}:${value.text}`);
    end = value.end;
  }
  return { text: `{${fields.join(",")}}`, end };
}
