/**
 * Values that are made anew for each event: a text with placeholders, or an array or object in JSON whose texts, and
 * names of fields, are such texts. Compiled once; gives msgpack. What holds no placeholder is constant.
 */

import { ByteWriter } from "../event/byte-writer.ts";
import { jsonToMsgpack } from "../event/json-reader.ts";
import { arrayLength, containerHeader, isArrayType, stringHeader } from "../event/msgpack-header.ts";
import { writeArrayHeader, writeMapHeader } from "../event/msgpack-writer.ts";
import { mapSize, mapStart } from "../event/record-fields.ts";
import { isMapType, skipValue } from "../event/walker.ts";
import type { TransformEvent } from "./transform-event.ts";

/** The msgpack of a value for one event; valid while the stream is. */
export type ValueTemplate = (event: TransformEvent) => Buffer;

export interface CompiledValue {
  readonly value: ValueTemplate;
  readonly isConstant: boolean;
}

/** Compiles one text; `asText` where the value must be a text, such as a field's name. */
export type CompileText = (text: string, asText: boolean) => CompiledValue;

/**
 * Compiles a configured value: JSON where it begins like an array or object and is one, else a text. `notJson` hears
 * of values that only look like JSON.
 */
export function compileValue(
  text: string,
  compileText: CompileText,
  notJson: (reason: unknown) => void,
): CompiledValue {
  if (!text.startsWith("{") && !text.startsWith("[")) return compileText(text, false);
  let json: Buffer;
  try {
    json = jsonToMsgpack(text);
  } catch (error) {
    notJson(error);
    return compileText(text, false);
  }
  return compileJson(json, 0, compileText);
}

function compileJson(json: Buffer, position: number, compileText: CompileText): CompiledValue {
  const type = json[position] as number;
  const end = skipValue(json, position, json.length);
  const header = stringHeader(type);
  if (header > 0) return compileText(json.toString("utf8", position + header, end), false);
  if (isMapType(type)) return compileMap(json, position, compileText);
  if (isArrayType(type)) return compileArray(json, position, compileText);
  const bytes = json.subarray(position, end);
  return { value: () => bytes, isConstant: true };
}

function compileArray(json: Buffer, position: number, compileText: CompileText): CompiledValue {
  const items: CompiledValue[] = [];
  let next = position + containerHeader(json[position] as number);
  for (let left = arrayLength(json, position); left > 0; left--) {
    items.push(compileJson(json, next, compileText));
    next = skipValue(json, next, json.length);
  }
  return settled(items, (event) => {
    const writer = new ByteWriter();
    writeArrayHeader(writer, items.length);
    for (const { value } of items) writer.copy(value(event));
    return writer.take();
  });
}

function compileMap(json: Buffer, position: number, compileText: CompileText): CompiledValue {
  const pairs: { name: CompiledValue; item: CompiledValue }[] = [];
  let next = mapStart(json, position);
  for (let left = mapSize(json, position); left > 0; left--) {
    const value = skipValue(json, next, json.length);
    const name = json.toString("utf8", next + stringHeader(json[next] as number), value);
    pairs.push({ name: compileText(name, true), item: compileJson(json, value, compileText) });
    next = skipValue(json, value, json.length);
  }
  const all = pairs.flatMap(({ name, item }) => [name, item]);
  return settled(all, (event) => {
    // Names may turn out equal: the last one counts.
    const fields = new Map(
      pairs.map(({ name, item }) => {
        const key = name.value(event);
        return [key.toString("latin1"), { key, value: item.value(event) }];
      }),
    );
    const writer = new ByteWriter();
    writeMapHeader(writer, fields.size);
    for (const { key, value } of fields.values()) {
      writer.copy(key);
      writer.copy(value);
    }
    return writer.take();
  });
}

/** Constant where everything inside is. */
function settled(inside: readonly CompiledValue[], value: ValueTemplate): CompiledValue {
  if (!inside.every(({ isConstant }) => isConstant)) return { value, isConstant: false };
  let bytes: Buffer | undefined;
  return { value: (event) => (bytes ??= value(event)), isConstant: true };
}
