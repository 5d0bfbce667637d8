/** Merges records without decoding them. */

import { ByteWriter } from "./byte-writer.ts";
import { ABSENT, mapSize, mapStart, textStart } from "./record-fields.ts";
import { RecordSplice } from "./record-splice.ts";
import { skipValue } from "./walker.ts";

/** `base` with the fields of `over`, whose values count where both have a field: Ruby's `Hash#merge`. */
export function mergeRecords(base: Buffer, over: Buffer): Buffer {
  const names: string[] = [];
  const values: Buffer[] = [];
  let key = mapStart(over, 0);
  for (let left = mapSize(over, 0); left > 0; left--) {
    const value = skipValue(over, key, over.length);
    const next = skipValue(over, value, over.length);
    const text = textStart(over, key);
    if (text !== ABSENT) {
      names.push(over.toString("utf8", text, value));
      values.push(over.subarray(value, next));
    }
    key = next;
  }
  const writer = new ByteWriter(base.length + over.length);
  new RecordSplice(names).write(writer, base, 0, values);
  return writer.take();
}
