/** `@type systemd_entry`: other names for the fields of journal entries. Source: fluent-plugin-systemd 1.1.2. */

import type { ConfigOf } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { JournalFields, journalFieldTable } from "../event/journal-fields.ts";
import { mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { writeRubyText } from "../event/ruby-text.ts";
import { skipValue } from "../event/walker.ts";
import type { FilterDefinition } from "../plugin.ts";
import { filteredStream, idle, type WriteEvent } from "./event-loop.ts";

export const systemdEntryFilter: FilterDefinition<ConfigOf<typeof journalFieldTable>> = {
  type: "systemd_entry",
  kind: "filter",
  table: journalFieldTable,
  create(config, context) {
    if (config.fieldMapStrict && config.fieldMap === undefined) {
      context.logger.warn("`field_map_strict` set to true with empty `field_map`, expect no fields");
    }
    const fields = new JournalFields(config, rubyText, packedText);
    const write: WriteEvent = (target, { packed, start, recordStart }) => {
      const record = fields.run(fieldsOf(packed, recordStart));
      target.copy(packed, start, recordStart);
      target.mapHeader(record.size);
      for (const [name, value] of record) {
        target.copy(packedText(Buffer.from(name)));
        target.copy(value);
      }
      return 1;
    };
    return { ...idle, filter: (tag, events) => filteredStream(context, tag, events, write) };
  },
};

function fieldsOf(packed: Buffer, record: number): Map<string, Buffer> {
  const fields = new Map<string, Buffer>();
  let key = mapStart(packed, record);
  for (let left = mapSize(packed, record); left > 0; left--) {
    const value = skipValue(packed, key, packed.length);
    const next = skipValue(packed, value, packed.length);
    fields.set(packed.toString("utf8", textStart(packed, key), value), packed.subarray(value, next));
    key = next;
  }
  return fields;
}

function rubyText(value: Buffer): Buffer {
  const writer = new ByteWriter(value.length + 16);
  writeRubyText(writer, value, 0);
  return writer.take();
}

function packedText(text: Buffer): Buffer {
  const writer = new ByteWriter(text.length + 5);
  writer.stringHeader(text.length);
  writer.copy(text);
  return writer.take();
}
