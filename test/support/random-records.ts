/** Records as no test would think them up: nested, empty, with bytes that are no letters, and numbers at their limits. */

import { ByteWriter } from "../../src/event/byte-writer.ts";
import { encode } from "../../src/event/msgpack.ts";
import { writeArrayHeader, writeMapHeader } from "../../src/event/msgpack-writer.ts";
import { randomNumbers } from "../fuzz/mutator.ts";

const NAMES = ["log", "message", "m", "k", "p", "stream", "a", "b", "time", "é", "", "n"];
const TEXTS = [
  "", "x", "é", "s 1 e", "\0\n\r\t\"\\", '{"a":1,"time":"2020","x":{"y":[1]}}', '{"a":', "<13>Oct 11 22:14:15 h p[1]: m",
  "127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.1\" 200 12", "é".repeat(40), "x".repeat(300), "1e309", "-1",
  "NaN", "#{x} ${y}", "a:1\tb:2", "a,b,\"c", "java.lang.Exception: x", "\tat a.b(c.java:1)", "true", "\u2028\ud7ff", "F", "P",
]; // biome-ignore format: a list
const BYTES = [[0xff, 0xfe], [0x61, 0xc3], [0x78], [0xc3, 0xa9], []];
const OTHERS = [
  null, true, false, 0, -1, 127, 255, 65_536, -129, -(2n ** 63n), 2n ** 64n - 1n, 1.5, -2.25, 5e-324, 1e300,
]; // biome-ignore format: a list
const MAX_DEPTH = 3;

export class RandomRecords {
  readonly #random: () => number;
  readonly #bytes: readonly (readonly number[])[];

  /** `bytes`: what is in values that are no letters. */
  constructor(seed: number, bytes: "any" | "ASCII" = "any") {
    this.#random = randomNumbers(seed);
    this.#bytes = bytes === "any" ? BYTES : BYTES.filter((value) => value.every((byte) => byte < 0x80));
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T;
  }

  /** The msgpack of a record, in which no name stands twice. */
  next(): Buffer {
    const writer = new ByteWriter();
    this.#map(writer, 0);
    return writer.take();
  }

  #map(writer: ByteWriter, depth: number): void {
    const names = NAMES.filter(() => this.#random() < 0.3);
    writeMapHeader(writer, names.length);
    for (const name of names) {
      writer.copy(encode(name));
      this.#value(writer, depth + 1);
    }
  }

  #value(writer: ByteWriter, depth: number): void {
    const kind = this.#random() * (depth < MAX_DEPTH ? 1 : 0.8);
    if (kind < 0.45) writer.copy(encode(this.#pick(TEXTS)));
    else if (kind < 0.6) writer.copy(encode(Buffer.from(this.#pick(this.#bytes))));
    else if (kind < 0.8) writer.copy(encode(this.#pick(OTHERS)));
    else if (kind < 0.9) this.#map(writer, depth);
    else {
      const size = this.#pick([0, 1, 2, 3]);
      writeArrayHeader(writer, size);
      for (let left = size; left > 0; left--) this.#value(writer, depth + 1);
    }
  }
}
