/** Writes msgpack piece by piece, each in its shortest form. */

import type { ByteWriter } from "./byte-writer.ts";

/** The shortest header of a map with `count` pairs. */
export function writeMapHeader(writer: ByteWriter, count: number): void {
  if (count < 16) writer.byte(0x80 | count);
  else if (count <= 0xffff) {
    writer.byte(0xde);
    writer.uint16(count);
  } else {
    writer.byte(0xdf);
    writer.uint32(count);
  }
}

/** The shortest header of an array with `count` elements. */
export function writeArrayHeader(writer: ByteWriter, count: number): void {
  if (count < 16) writer.byte(0x90 | count);
  else if (count <= 0xffff) {
    writer.byte(0xdc);
    writer.uint16(count);
  } else {
    writer.byte(0xdd);
    writer.uint32(count);
  }
}

/** The shortest header of a str with `length` bytes. */
export function writeStringHeader(writer: ByteWriter, length: number): void {
  if (length < 32) {
    writer.byte(0xa0 | length);
  } else if (length <= 0xff) {
    writer.byte(0xd9);
    writer.byte(length);
  } else if (length <= 0xffff) {
    writer.byte(0xda);
    writer.uint16(length);
  } else {
    writer.byte(0xdb);
    writer.uint32(length);
  }
}

/** A str of these bytes, whether they are UTF-8 or not. */
export function writeString(writer: ByteWriter, bytes: Uint8Array): void {
  writeStringHeader(writer, bytes.length);
  writer.copy(bytes);
}

/** A bin of these bytes. */
export function writeBinary(writer: ByteWriter, bytes: Uint8Array): void {
  writer.binaryHeader(bytes.length);
  writer.copy(bytes);
}

/** A float of 64 bits, whole or not. */
export function writeFloat(writer: ByteWriter, value: number): void {
  writer.byte(0xcb);
  writer.float64(value);
}

/** The shortest form of an integer from -2^63 to 2^64-1. */
export function writeInteger(writer: ByteWriter, value: number | bigint): void {
  if (value >= 0) writeUnsigned(writer, value);
  else if (value >= -0x20) writer.byte(Number(value) & 0xff);
  else if (value >= -0x80) {
    writer.byte(0xd0);
    writer.byte(Number(value) & 0xff);
  } else if (value >= -0x8000) {
    writer.byte(0xd1);
    writer.uint16(Number(value) & 0xffff);
  } else if (value >= -0x80000000) {
    writer.byte(0xd2);
    writer.uint32(Number(value) >>> 0);
  } else {
    writer.byte(0xd3);
    writer.uint64(BigInt.asUintN(64, BigInt(value)));
  }
}

function writeUnsigned(writer: ByteWriter, value: number | bigint): void {
  if (value < 0x80) writer.byte(Number(value));
  else if (value <= 0xff) {
    writer.byte(0xcc);
    writer.byte(Number(value));
  } else if (value <= 0xffff) {
    writer.byte(0xcd);
    writer.uint16(Number(value));
  } else if (value <= 0xffffffff) {
    writer.byte(0xce);
    writer.uint32(Number(value));
  } else {
    writer.byte(0xcf);
    writer.uint64(BigInt(value));
  }
}
