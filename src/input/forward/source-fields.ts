/**
 * Puts the client's address and name into records without decoding them.
 * Source: fluentd 1.18 in_forward `add_source_info`.
 */

import type { ByteWriter } from "../../event/byte-writer.ts";
import { encode } from "../../event/msgpack.ts";
import { RecordSplice } from "../../event/record-splice.ts";

export class SourceFields {
  readonly #splice: RecordSplice;
  readonly #values: readonly Buffer[];

  /** Of each field its value: to Ruby, addresses and names from the system are bytes. */
  constructor(values: ReadonlyMap<string, string>) {
    this.#splice = new RecordSplice([...values.keys()]);
    this.#values = [...values.values()].map((value) => encode(Buffer.from(value)));
  }

  /** Writes the record at `start`, which must be whole, with the fields in it. */
  write(writer: ByteWriter, bytes: Buffer, start: number): void {
    this.#splice.write(writer, bytes, start, this.#values);
  }
}
