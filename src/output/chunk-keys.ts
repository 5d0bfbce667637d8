/**
 * Chunk keys: what tells chunks apart, `<buffer tag, time, field, $.nested.field>`. Splits a batch of events into one
 * batch per chunk. With only the tag, or no key at all, events pass as they are, unread.
 * Source: fluentd 1.18 plugin/output.rb `configure` and `metadata`; COMPAT 4.2.
 */

import type { Batch } from "../buffer/batch.ts";
import { emptyMetadata, metadataKey } from "../buffer/chunk-metadata.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { EventStream } from "../event/event-stream.ts";
import { ABSENT } from "../event/record-fields.ts";
import { type FieldPath, findPath, readText } from "../event/record-reader.ts";
import { secondsAt } from "../event/time-at.ts";
import type { TimeZone } from "../event/time-zone.ts";

/** How `time` slices: `seconds` long, counted from midnight in `zone`. */
export interface TimeSlice {
  readonly seconds: number;
  readonly zone: TimeZone;
}

export interface ChunkField {
  /** As written in the configuration: the name of the variable in the chunk's metadata. */
  readonly name: string;
  readonly path: FieldPath;
}

/** Reads `$.a.b`, `$.a[0].b`, or a plain name. Throws ConfigError. */
export function chunkField(name: string, position: SourcePosition): ChunkField {
  if (name.startsWith("$[")) throw new ConfigError("in chunk_keys: bracket notation is not allowed", position);
  if (!name.startsWith("$.")) {
    if (!/^[-_.@a-zA-Z0-9]+$/.test(name)) {
      throw new ConfigError("chunk_keys specification includes invalid char", position);
    }
    return { name, path: [Buffer.from(name)] };
  }
  const path: (Buffer | number)[] = [];
  for (const part of name.slice(2).split(".")) {
    const match = /^([^[\]]+)((?:\[-?\d+\])*)$/.exec(part);
    if (!match) throw new ConfigError(`in chunk_keys: '${name}' is no record accessor`, position);
    path.push(Buffer.from(match[1] as string));
    for (const [, index] of (match[2] as string).matchAll(/\[(-?\d+)\]/g)) path.push(Number(index));
  }
  return { name, path };
}

/** Start of the slice that holds `seconds`. */
export function timekeyOf(seconds: number, { seconds: length, zone }: TimeSlice): number {
  const shifted = (seconds + zone.offsetAt(seconds)) % length;
  return Math.trunc(seconds - (shifted < 0 ? shifted + length : shifted));
}

interface Group {
  readonly batch: Omit<Batch, "events">;
  /** Starts and ends of its events, where they stand side by side as one. */
  readonly bounds: number[];
  size: number;
}

export class ChunkKeys {
  readonly hasTag: boolean;
  readonly time: TimeSlice | undefined;
  readonly fields: readonly ChunkField[];

  constructor(hasTag: boolean, time: TimeSlice | undefined, fields: readonly ChunkField[]) {
    this.hasTag = hasTag;
    this.time = time;
    this.fields = fields;
  }

  /** One batch per chunk. Never empty for a stream that has events. */
  split(tag: string, events: EventStream): Batch[] {
    if (this.time || this.fields.length > 0) return this.#splitByContent(tag, events);
    const metadata = this.hasTag ? { ...emptyMetadata, tag } : emptyMetadata;
    return [{ tag, metadata, key: metadataKey(metadata), events }];
  }

  #splitByContent(tag: string, events: EventStream): Batch[] {
    const groups = this.#group(tag, events);
    const { packed } = events;
    return [...groups.values()].map(({ batch, bounds, size }) => {
      if (size === events.size) return { ...batch, events };
      const parts: Buffer[] = [];
      for (let index = 0; index < bounds.length; index += 2)
        parts.push(packed.subarray(bounds[index], bounds[index + 1]));
      return {
        ...batch,
        events: new EventStream(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts), size),
      };
    });
  }

  #group(tag: string, events: EventStream): Map<string, Group> {
    const { packed } = events;
    const groups = new Map<string, Group>();
    const values: (string | null)[] = this.fields.map(() => null);
    let timekey: number | undefined;
    let group: Group | undefined;
    for (const { start, timeStart, recordStart, end } of events.entries()) {
      if (this.time) {
        const next = timekeyOf(secondsAt(packed, timeStart, recordStart), this.time);
        if (next !== timekey) group = undefined;
        timekey = next;
      }
      for (const [index, { path }] of this.fields.entries()) {
        const at = findPath(packed, recordStart, path);
        const next = at === ABSENT ? null : readText(packed, at, end);
        if (next !== values[index]) group = undefined;
        values[index] = next;
      }
      group ??= this.#groupFor(groups, tag, timekey, values);
      group.size += 1;
      if (group.bounds.at(-1) === start) group.bounds[group.bounds.length - 1] = end;
      else group.bounds.push(start, end);
    }
    return groups;
  }

  #groupFor(groups: Map<string, Group>, tag: string, timekey: number | undefined, values: (string | null)[]): Group {
    const variables =
      this.fields.length > 0 ? new Map(this.fields.map(({ name }, index) => [name, values[index] ?? null])) : undefined;
    const metadata = { tag: this.hasTag ? tag : undefined, timekey, variables, sequence: 0 };
    const key = metadataKey(metadata);
    const group = groups.get(key) ?? { batch: { tag, metadata, key }, bounds: [], size: 0 };
    groups.set(key, group);
    return group;
  }
}
