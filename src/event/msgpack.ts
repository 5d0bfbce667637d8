/**
 * msgpack for values that are wanted as values: options, handshakes, chunk metadata, records that a filter reads.
 * The data path does not come here; it walks bytes (walker.ts). The only importer of @msgpack/msgpack.
 */

import { DecodeError, Decoder, Encoder, ExtensionCodec } from "@msgpack/msgpack";
import { MalformedError } from "../errors.ts";
import { EventTime } from "./event-time.ts";

/** A decoded map. 64-bit integers come as bigint, times as EventTime. */
export type MsgpackMap = { [key: string]: unknown };

const EVENT_TIME_TYPE = 0;

const extensionCodec = new ExtensionCodec();
extensionCodec.register({
  type: EVENT_TIME_TYPE,
  encode(value) {
    if (!(value instanceof EventTime)) return null;
    const payload = Buffer.allocUnsafe(8);
    payload.writeUInt32BE(value.seconds >>> 0, 0);
    payload.writeUInt32BE(value.nanoseconds >>> 0, 4);
    return payload;
  },
  decode(data) {
    if (data.length !== 8) throw new MalformedError(`an EventTime has 8 bytes, not ${data.length}`);
    const view = Buffer.from(data.buffer, data.byteOffset, data.length);
    return new EventTime(view.readUInt32BE(0), view.readUInt32BE(4));
  },
});

const encoder = new Encoder({ extensionCodec, useBigInt64: false, ignoreUndefined: true });
const bigintEncoder = new Encoder({ extensionCodec, useBigInt64: true, ignoreUndefined: true });
const decoder = new Decoder({ extensionCodec, useBigInt64: true });
/** Strings stay bytes: peers put raw bytes into msgpack strings (ids, salts, nonces). */
const rawDecoder = new Decoder({ extensionCodec, useBigInt64: true, rawStrings: true });

/** Encodes one value. Numbers without fraction become integers; the result is the caller's own. */
export function encode(value: unknown): Buffer {
  const bytes = containsBigint(value) ? bigintEncoder.encode(value) : encoder.encode(value);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes exactly one value. Throws MalformedError. */
export function decode(bytes: Uint8Array): unknown {
  return guarded(() => decoder.decode(bytes));
}

/** Decodes exactly one value and leaves every msgpack string as bytes; map keys are still text. */
export function decodeRaw(bytes: Uint8Array): unknown {
  return guarded(() => rawDecoder.decode(bytes));
}

function guarded<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof MalformedError) throw error;
    const cause = error instanceof DecodeError || error instanceof RangeError ? error : undefined;
    throw new MalformedError(`not valid msgpack: ${error instanceof Error ? error.message : error}`, { cause });
  }
}

function containsBigint(value: unknown): boolean {
  if (typeof value === "bigint") return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(containsBigint);
}
