/**
 * `<inject>`: adds the host name, the tag or the time to every record, in its bytes.
 * Source: fluentd 1.18 plugin_helper/inject.rb.
 */

import { hostname as machineName } from "node:os";
import type { ConfigElement } from "../config/element.ts";
import { enumeration, string } from "../config/literals.ts";
import { type ConfigOf, readSectionOrThrow, section } from "../config/parameters.ts";
import { ByteWriter } from "../event/byte-writer.ts";
import { EventStream } from "../event/event-stream.ts";
import { encode } from "../event/msgpack.ts";
import { RecordSplice } from "../event/record-splice.ts";
import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import { skipValue } from "../event/walker.ts";
import { flatInjectSection } from "./flat-parameters.ts";
import { floatSeconds, timeParameters, timeText } from "./time-text.ts";

export const injectTable = section({
  hostname_key: string.optional("Field for the host name."),
  hostname: string.optional("Host name to write; without it the machine's."),
  worker_id_key: string.optional("Field for the worker's number; 0 where there is one."),
  tag_key: string.optional("Field for the tag."),
  time_key: string.optional("Field for the time."),
  time_type: enumeration("float", "unixtime", "unixtime_millis", "unixtime_micros", "unixtime_nanos", "string").default(
    "How the time is written.",
    "float",
  ),
  ...timeParameters,
});

export type InjectConfig = ConfigOf<typeof injectTable>;

/** Gives the stream with the fields of `<inject>`. */
export type Injection = (tag: string, events: EventStream) => EventStream;

/** Bytes of a value that depends on the event's time. */
type TimeValue = (seconds: number, nanoseconds: number) => Buffer;

interface Field {
  readonly name: string;
  readonly value: (tag: Buffer, seconds: number, nanoseconds: number) => Buffer;
}

/**
 * Undefined when `owner` has no `<inject>`, nor the keys of fluentd 0.12 for it, or they name no field. Throws ConfigError.
 */
export function injection(
  owner: { readonly inject: InjectConfig | undefined; readonly element: ConfigElement },
  workerId = 0,
): Injection | undefined {
  const flat = owner.inject ? undefined : flatInjectSection(owner.element);
  const config = owner.inject ?? (flat && readSectionOrThrow(injectTable, flat));
  if (!config) return undefined;
  const fields = fieldsOf(config, workerId);
  if (fields.length === 0) return undefined;
  const splice = new RecordSplice(fields.map(({ name }) => name));
  return (tag, events) => {
    const target = new ByteWriter(events.packed.length + events.size * 64);
    const encodedTag = encode(tag);
    const { packed } = events;
    const values: Buffer[] = [];
    for (let start = 0; start < packed.length; ) {
      const recordStart = skipValue(packed, start + 1, packed.length);
      const seconds = secondsAt(packed, start + 1, recordStart);
      const nanoseconds = nanosecondsAt(packed, start + 1);
      for (let index = 0; index < fields.length; index++) {
        values[index] = (fields[index] as Field).value(encodedTag, seconds, nanoseconds);
      }
      target.copy(packed, start, recordStart);
      start = splice.write(target, packed, recordStart, values);
    }
    return new EventStream(target.take(), events.size);
  };
}

function fieldsOf(config: InjectConfig, workerId: number): Field[] {
  const fields: Field[] = [];
  const add = (name: string | undefined, value: Field["value"]) => {
    if (name !== undefined) fields.push({ name, value });
  };
  const host = encode(config.hostname ?? Buffer.from(machineName()));
  const worker = encode(workerId);
  const time = timeValue(config);
  add(config.hostnameKey, () => host);
  add(config.workerIdKey, () => worker);
  add(config.tagKey, (tag) => tag);
  add(config.timeKey, (_tag, seconds, nanoseconds) => time(seconds, nanoseconds));
  return fields;
}

function timeValue(config: InjectConfig): TimeValue {
  const encodeTime = rememberingEncode();
  switch (config.timeType) {
    case "float":
      return (seconds, nanoseconds) => encodeFloat(floatSeconds(seconds, nanoseconds));
    case "unixtime":
      return (seconds) => encodeTime(seconds);
    case "unixtime_millis":
      return (seconds, nanoseconds) => encodeTime(seconds * 1e3 + Math.floor(nanoseconds / 1e6));
    case "unixtime_micros":
      return (seconds, nanoseconds) => encodeTime(seconds * 1e6 + Math.floor(nanoseconds / 1e3));
    case "unixtime_nanos":
      return (seconds, nanoseconds) => encodeTime(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
    case "string": {
      const text = timeText(config);
      return (seconds, nanoseconds) => encodeTime(text(seconds, nanoseconds));
    }
  }
}

/** `encode`, which keeps the last value: most events are of one second. */
function rememberingEncode(): typeof encode {
  let last: unknown;
  let bytes = encode(last);
  return (value) => {
    if (value !== last) {
      bytes = encode(value);
      last = value;
    }
    return bytes;
  };
}

/** Always eight bytes: a whole number of seconds is still a float. */
function encodeFloat(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = 0xcb;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}
