import { ByteWriter } from "../../src/event/byte-writer.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../../src/event/msgpack-header.ts";
import { mapSize } from "../../src/event/record-fields.ts";
import { isMapType, skipValue } from "../../src/event/walker.ts";

/** A msgpack value with every text that is a value as a binary: as Ruby has what came as bytes. */
export function withBinaries(value: Buffer): Buffer {
  const target = new ByteWriter();
  copy(target, value, 0);
  return target.take();
}

function copy(target: ByteWriter, bytes: Buffer, position: number): number {
  const type = bytes[position] as number;
  const end = skipValue(bytes, position, bytes.length);
  const header = stringHeader(type);
  if (header > 0) {
    target.binaryHeader(end - position - header);
    target.copy(bytes, position + header, end);
  } else if (isMapType(type) || isArrayType(type)) {
    let next = position + containerHeader(type);
    target.copy(bytes, position, next);
    for (let left = isMapType(type) ? mapSize(bytes, position) : arrayLength(bytes, position); left > 0; left--) {
      const value = isMapType(type) ? skipValue(bytes, next, bytes.length) : next;
      target.copy(bytes, next, value);
      next = copy(target, bytes, value);
    }
  } else target.copy(bytes, position, end);
  return end;
}
