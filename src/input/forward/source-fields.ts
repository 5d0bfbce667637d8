/**
 * Puts the client's address and name into records without decoding them: the map's header counts up, the fields go
 * behind the others. A field that is there already gets the new value in its place, as a Ruby hash does.
 * Source: fluentd 1.18 in_forward `add_source_info`.
 */

import type { ByteWriter } from "../../event/byte-writer.ts";
import { encode } from "../../event/msgpack.ts";
import { readUint16, readUint32 } from "../../event/walker.ts";
import { containerHeader, skip, stringHeader } from "../../forward-protocol/messages.ts";

interface Field {
  /** The key's text as bytes. */
  readonly name: Buffer;
  readonly key: Buffer;
  readonly value: Buffer;
}

export class SourceFields {
  readonly #fields: readonly Field[];

  constructor(values: ReadonlyMap<string, string>) {
    this.#fields = [...values].map(([name, value]) => ({
      name: Buffer.from(name),
      key: encode(name),
      value: encode(value),
    }));
  }

  /** Writes the map `bytes[start, end)` with the fields in it. */
  write(writer: ByteWriter, bytes: Buffer, start: number, end: number): void {
    const type = bytes[start] as number;
    const count =
      type < 0x90 ? type & 0x0f : type === 0xde ? readUint16(bytes, start + 1) : readUint32(bytes, start + 1);
    const present = this.#present(bytes, start + containerHeader(type), end);
    const missing = this.#fields.filter((field) => !present.has(field));
    writeMapHeader(writer, count + missing.length);
    let position = start + containerHeader(type);
    if (present.size === 0) writer.copy(bytes, position, end);
    else {
      while (position < end) position = this.#writePair(writer, bytes, position, end);
    }
    for (const { key, value } of missing) {
      writer.copy(key);
      writer.copy(value);
    }
  }

  #present(bytes: Buffer, start: number, end: number): Set<Field> {
    const present = new Set<Field>();
    for (let position = start; position < end; ) {
      const field = this.#fieldAt(bytes, position);
      if (field) present.add(field);
      position = skip(bytes, skip(bytes, position, end), end);
    }
    return present;
  }

  #writePair(writer: ByteWriter, bytes: Buffer, start: number, end: number): number {
    const valueStart = skip(bytes, start, end);
    const valueEnd = skip(bytes, valueStart, end);
    const field = this.#fieldAt(bytes, start);
    writer.copy(bytes, start, field ? valueStart : valueEnd);
    if (field) writer.copy(field.value);
    return valueEnd;
  }

  /** The field whose key stands at `position`. */
  #fieldAt(bytes: Buffer, position: number): Field | undefined {
    const header = stringHeader(bytes[position] as number);
    if (header === 0) return undefined;
    const start = position + header;
    const length = skip(bytes, position, bytes.length) - start;
    return this.#fields.find(({ name }) => name.length === length && name.compare(bytes, start, start + length) === 0);
  }
}

function writeMapHeader(writer: ByteWriter, count: number): void {
  if (count < 16) writer.byte(0x80 | count);
  else if (count <= 0xffff) {
    writer.byte(0xde);
    writer.uint16(count);
  } else {
    writer.byte(0xdf);
    writer.uint32(count);
  }
}
