/**
 * `@type json_in_json`: a JSON object, of which the fields whose text is JSON again are opened. The fields of a nested
 * object take the place of the field that held it, and win over fields of the same name; a nested array becomes the
 * field's value. Nested once: what lies deeper stays text. Source: fluent-plugin-json-in-json-2 1.0.2, which the
 * DaemonSet image has.
 */

import { type ConfigOf, section } from "../config/parameters.ts";
import { LimitError, MalformedError } from "../errors.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { ABSENT, mapSize, mapStart, textStart } from "../event/record-fields.ts";
import { isMapType, skipValue } from "../event/walker.ts";
import { commonParameters, jsonTimeParser } from "./common-parameters.ts";
import type { ParserDefinition } from "./parser.ts";
import { RecordEntries } from "./record-entries.ts";

const table = section(commonParameters({ timeKey: "time", timeType: "float" }));

const WHITE_SPACE = new Set([0x09, 0x0a, 0x0d, 0x20]);
const OBJECT = 0x7b;
const ARRAY = 0x5b;

export const jsonInJsonParser: ParserDefinition<ConfigOf<typeof table>> = {
  kind: "parser",
  type: "json_in_json",
  table,
  create(config, context) {
    const entries = new RecordEntries(config, context, jsonTimeParser(config, context.clock));
    return {
      parse(bytes, start, end, target) {
        const record = readJson(bytes.subarray(start, end));
        if (!record || !isMapType(record[0] as number)) return false;
        return entries.write(target, opened(record), 0);
      },
    };
  },
};

/** The msgpack of a JSON text, as yajl takes it; undefined when it is none. */
function readJson(text: Buffer): Buffer | undefined {
  try {
    return jsonToMsgpack(text, true);
  } catch (error) {
    if (error instanceof MalformedError || error instanceof LimitError) return undefined;
    throw error;
  }
}

/** The record with its nested objects and arrays opened. A name may stand twice then; the last value is meant. */
function opened(record: Buffer): Buffer {
  const kept = new ByteWriter(record.length);
  const nested = new ByteWriter(record.length);
  let size = 0;
  for (const { key, value, end } of pairs(record)) {
    const inner = nestedJson(record, value, end);
    if (inner && isMapType(inner[0] as number)) {
      nested.copy(inner, mapStart(inner, 0), inner.length);
      size += mapSize(inner, 0);
      continue;
    }
    kept.copy(record, key, end);
    size += 1;
    if (!inner) continue;
    nested.copy(record, key, value);
    nested.copy(inner, 0, inner.length);
    size += 1;
  }
  const whole = new ByteWriter(kept.length + nested.length + 5);
  whole.mapHeader(size);
  whole.copy(kept.view(), 0, kept.length);
  whole.copy(nested.view(), 0, nested.length);
  return whole.take();
}

/** The msgpack of the text at `[value, end)`; undefined unless it is a JSON object or array. */
function nestedJson(record: Buffer, value: number, end: number): Buffer | undefined {
  const text = textStart(record, value);
  if (text === ABSENT) return undefined;
  let first = text;
  while (first < end && WHITE_SPACE.has(record[first] as number)) first++;
  const sign = record[first];
  return sign === OBJECT || sign === ARRAY ? readJson(record.subarray(text, end)) : undefined;
}

/** Where the pairs of a whole map lie: `[key, value)` and `[value, end)`. */
function* pairs(map: Buffer): Generator<{ key: number; value: number; end: number }> {
  let key = mapStart(map, 0);
  for (let left = mapSize(map, 0); left > 0; left--) {
    const value = skipValue(map, key, map.length);
    const end = skipValue(map, value, map.length);
    yield { key, value, end };
    key = end;
  }
}
