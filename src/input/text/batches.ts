/** Entries that are written one after the other; those of one tag in a row become one batch. */

import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";

export interface Batch {
  readonly tag: string;
  readonly events: EventStream;
}

export class Batches {
  readonly #writer = new ByteWriter();
  #ended: Batch[] = [];
  #tag = "";
  #size = 0;

  /** Begins an entry of `tag`: the caller writes its time and its record. */
  begin(tag: string): ByteWriter {
    if (tag !== this.#tag) this.#end();
    this.#tag = tag;
    this.#size += 1;
    this.#writer.byte(ENTRY_HEADER);
    return this.#writer;
  }

  /** The batches since the last call, in order. */
  take(): Batch[] {
    this.#end();
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  #end(): void {
    if (this.#size === 0) return;
    this.#ended.push({ tag: this.#tag, events: EventStream.fromWriter(this.#writer, this.#size) });
    this.#size = 0;
  }
}

const ENTRY_HEADER = 0x92;
