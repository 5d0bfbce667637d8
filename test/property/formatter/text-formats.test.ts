/** hash, ltsv and csv write, byte for byte, what plain text operations make of the same records. */

import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { test } from "node:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/event/byte-writer.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import {
  writeArrayHeader,
  writeBinary,
  writeInteger,
  writeMapHeader,
  writeString,
} from "../../../src/event/msgpack-writer.ts";
import { formatEvents } from "../../../src/formatter/formatter.ts";
import { createFormatter } from "../../../src/formatter/formatter-list.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parsedElement } from "../../support/parsed-config.ts";

/** A str or bin of any bytes. */
interface Text {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}
type Value = null | boolean | number | Text | readonly Value[] | Fields;
interface Fields {
  readonly fields: readonly (readonly [Value, Value])[];
}

const PIECES = ["a", "ab", "é", "→", "😀", "#", "#{", "#@", "$", '"', "\\", "\n", "\r", "\t", "\x00", "\x07", "\x7f", "\u0085", "\u2028", ",", ":", " ", "x".repeat(70)]; // biome-ignore format: a list
const BROKEN = [[0xff], [0xc3], [0xe2, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0x80], [0xc0, 0x80]];

const piece = fc.constantFrom(...PIECES.map((text) => Buffer.from(text)), ...BROKEN.map((bytes) => Buffer.from(bytes)));
const text: fc.Arbitrary<Text> = fc.record({
  bytes: fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.concat(pieces)),
  isBinary: fc.boolean(),
});
const named = (name: string): Text => ({ bytes: Buffer.from(name), isBinary: false });
const { record } = fc.letrec<{ value: Value; record: Fields }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: "value" },
    text,
    fc.constantFrom(null, true, false),
    fc.integer(),
    fc.array(tie("value"), { maxLength: 3, depthIdentifier: "value" }),
    tie("record"),
  ),
  record: fc.record({
    fields: fc.array(
      fc.tuple(
        fc.oneof({ weight: 4, arbitrary: fc.constantFrom("a", "b", "é").map(named) }, tie("value")),
        tie("value"),
      ),
      { maxLength: 5, depthIdentifier: "value" },
    ),
  }),
}));

const isText = (item: Value): item is Text => item !== null && typeof item === "object" && "bytes" in item;
const isFields = (item: Value): item is Fields => item !== null && typeof item === "object" && "fields" in item;

function pack(writer: ByteWriter, item: Value): void {
  if (item === null) writer.byte(0xc0);
  else if (typeof item === "boolean") writer.byte(item ? 0xc3 : 0xc2);
  else if (typeof item === "number") writeInteger(writer, item);
  else if (isText(item)) (item.isBinary ? writeBinary : writeString)(writer, item.bytes);
  else if (isFields(item)) {
    writeMapHeader(writer, item.fields.length);
    for (const pair of item.fields) for (const part of pair) pack(writer, part);
  } else {
    writeArrayHeader(writer, item.length);
    for (const part of item) pack(writer, part);
  }
}

/** What the formatter writes of one event, one character for each byte. */
function formatted(config: string, item: Fields): string {
  const writer = new ByteWriter();
  writer.byte(0x92);
  writer.byte(5);
  pack(writer, item);
  const element = parsedElement(`<match>\n<format>\n${config}\n</format>\n</match>`);
  const formatter = createFormatter(element, "json", new MemoryLog());
  return formatEvents(formatter, "t", new EventStream(writer.take(), 1)).toString("latin1");
}

const latin1 = (letters: string) => Buffer.from(letters).toString("latin1");
const NAMES: Record<string, string> = { "\n": "n", "\r": "r", "\t": "t", "\f": "f", "\v": "v", "\b": "b", "\x07": "a", "\x1b": "e" }; // biome-ignore format: a table
const hex = (code: number, width: number) => code.toString(16).toUpperCase().padStart(width, "0");

/** Letter for letter, as Ruby's `String#inspect` goes. */
function inspectText({ bytes, isBinary }: Text): string {
  let shown = "";
  for (let at = 0; at < bytes.length; ) {
    const size = isBinary
      ? 1
      : [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)));
    const letter = bytes.toString("utf8", at, at + (size ?? 1));
    const code = letter.codePointAt(0) as number;
    const byte = bytes[at] as number;
    at += size ?? 1;
    if (size === undefined || (isBinary && byte > 0x7f)) shown += `\\x${hex(byte, 2)}`;
    else if (letter === '"' || letter === "\\") shown += `\\${letter}`;
    else if (letter === "#") shown += "{$@".includes(String.fromCharCode(bytes[at] ?? 0)) ? "\\#" : "#";
    else if (NAMES[letter]) shown += `\\${NAMES[letter]}`;
    else if (code < 0x20 || (code > 0x7e && code < 0xa0 && (code !== 0x85 || isBinary)) || code === 0x2028)
      shown += isBinary ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
    else shown += latin1(letter);
  }
  return `"${shown}"`;
}

function inspect(item: Value): string {
  if (item === null) return "nil";
  if (isText(item)) return inspectText(item);
  if (isFields(item)) return `{${item.fields.map(([key, part]) => `${inspect(key)}=>${inspect(part)}`).join(", ")}}`;
  return typeof item === "object" ? `[${item.map(inspect).join(", ")}]` : String(item);
}

function toText(item: Value): string {
  if (item === null) return "";
  return isText(item) ? item.bytes.toString("latin1") : inspect(item);
}

test("hash is the record's inspect", () => {
  fc.assert(
    fc.property(record, (item) => assert.equal(formatted("@type hash", item), `${inspect(item)}\n`)),
    { numRuns: 1000 },
  );
});

test("ltsv has the replacement where a value has the delimiter", () => {
  const delimiters = fc.constantFrom("\t", ",", "ab", "é", "→", '"', "");
  fc.assert(
    fc.property(record, delimiters, fc.constantFrom(" ", "", "é", "xyz"), (item, delimiter, replacement) => {
      const config = `@type ltsv\ndelimiter ${JSON.stringify(delimiter)}\nreplacement ${JSON.stringify(replacement)}`;
      const fields = item.fields.map(([key, part]) => {
        const shown = toText(part).replaceAll(latin1(delimiter), latin1(replacement));
        return `${toText(key)}:${shown}`;
      });
      assert.equal(formatted(config, item), `${fields.join(latin1(delimiter))}\n`);
    }),
    { numRuns: 1000 },
  );
});

test("csv has quotes around every field, or where a field needs them", () => {
  const delimiters = fc.constantFrom(",", "TAB", "ab", "#", "");
  fc.assert(
    fc.property(record, delimiters, fc.boolean(), (item, given, isForced) => {
      const delimiter = given === "TAB" ? "\t" : given;
      const fields = ["a", "none", "é", "b"].map((name) => {
        const found = item.fields.findLast(([key]) => isText(key) && key.bytes.toString() === name)?.[1] ?? null;
        const shown = toText(found);
        const needsQuotes = found !== null && (shown === "" || shown.includes(delimiter) || /["\r\n]/.test(shown));
        return isForced || needsQuotes ? `"${shown.replaceAll('"', '""')}"` : shown;
      });
      const config = `@type csv\nfields a,none,é,b\nforce_quotes ${isForced}\ndelimiter ${JSON.stringify(given)}`;
      assert.equal(formatted(config, item), `${fields.join(delimiter)}\n`);
    }),
    { numRuns: 1000 },
  );
});
