/**
 * Finds what lies on disk: chunks of Suiro and of fluentd, staged or queued; chunks in a backup folder; messages in a
 * quarantine. Nothing is changed, and an agent may work in the folder meanwhile.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  type Stats,
  statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Chunk } from "../../buffer/chunk.ts";
import { decodeMeta } from "../../buffer/meta-file.ts";
import { FRAME_SUFFIX, NOTE_SUFFIX } from "../../buffer/quarantine.ts";
import { errorMessage, MalformedError } from "../../errors.ts";
import { INCOMPLETE } from "../../event/walker.ts";
import { MessageBounds, MessageOption, readMessage, readOption } from "../../forward-protocol/messages.ts";

export type StoredState = "staged" | "queued" | "backup" | "quarantined";

export interface StoredChunk {
  readonly path: string;
  readonly state: StoredState;
  /** 16 bytes. */
  readonly id: Buffer;
  /** Undefined where nothing tells. */
  readonly tag: string | undefined;
  /** Events, as its meta file says. */
  readonly size: number | undefined;
  /** Bytes of the events, as they are stored. */
  readonly byteSize: number;
  readonly compression: Chunk["compression"];
  readonly modifiedAt: Date;
  /** Why it was set aside; only of a quarantined one. */
  readonly reason: string | undefined;
  /** What is wrong with what stands around its events. */
  readonly problem: string | undefined;
  /** The stored bytes in order. */
  read(): AsyncIterable<Buffer>;
}

const CHUNK_NAME = /\.([bq])((?:[0-9a-f]{2})+)\.[^/]+$/;
/** A whole chunk, or what was bad of it from a byte on. */
const BACKUP_NAME = /^([0-9a-f]{32})(?:\.(?:\d+|tail))?\.[^.]+$/;
const MOST_DETECTED_BYTES = 4;

/**
 * The chunks at `paths`: files, or folders with all below them. Throws Error for a path that is not there. One that
 * vanishes meanwhile, because its agent has sent it, is left out.
 */
export function findStored(paths: readonly string[]): StoredChunk[] {
  return paths.flatMap((path) => {
    const status = statSync(path);
    if (!status.isDirectory()) return [stored(path, status) ?? unknown(path)];
    const names = readdirSync(path, { recursive: true, encoding: "utf8" }).sort();
    return names.flatMap((name) => {
      const status = statSync(join(path, name), { throwIfNoEntry: false });
      return (status?.isFile() && stored(join(path, name), status)) || [];
    });
  });
}

function unknown(path: string): never {
  throw new Error(`${path} is no chunk: their names are like buffer.q<id>.log, <id>.log or <name>.frame`);
}

function stored(path: string, status: Stats): StoredChunk | undefined {
  try {
    if (path.endsWith(FRAME_SUFFIX)) return quarantined(path, status);
    const name = basename(path);
    if (name.endsWith(".meta")) return undefined;
    const chunk = CHUNK_NAME.exec(name);
    const backup = BACKUP_NAME.exec(name);
    if (chunk) return chunkFile(path, status, chunk[1] === "b" ? "staged" : "queued", chunk[2] as string);
    return backup ? chunkFile(path, status, "backup", backup[1] as string) : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function chunkFile(path: string, status: Stats, state: StoredState, hexId: string): StoredChunk {
  const metaBytes = readOptional(`${path}.meta`);
  const meta = metaBytes && decodeMeta(metaBytes);
  const missing = metaBytes ? "its .meta file is broken" : "it has no .meta file";
  return {
    path,
    state,
    id: Buffer.from(hexId, "hex"),
    tag: meta?.metadata.tag,
    size: meta?.size,
    byteSize: status.size,
    compression: compressionOf(path),
    modifiedAt: status.mtime,
    reason: undefined,
    problem: meta || state === "backup" ? undefined : missing,
    read: () => createReadStream(path) as AsyncIterable<Buffer>,
  };
}

function quarantined(path: string, status: Stats): StoredChunk {
  const note = readOptional(path.slice(0, -FRAME_SUFFIX.length) + NOTE_SUFFIX);
  const { reason, chunk } = parsedNote(note);
  const bytes = readFileSync(path);
  const base = {
    path,
    state: "quarantined" as const,
    id: idOf(bytes, chunk),
    size: undefined,
    modifiedAt: status.mtime,
    reason,
  };
  try {
    return { ...base, problem: undefined, ...bodyOf(bytes) };
  } catch (error) {
    const problem = `it is no message that can be read: ${errorMessage(error)}`;
    return { ...base, problem, tag: undefined, byteSize: status.size, compression: "text", read: () => once(bytes) };
  }
}

/** A note that a lost machine left empty or torn says nothing. */
function parsedNote(note: Buffer | undefined): { reason?: string; chunk?: string } {
  try {
    const value: unknown = JSON.parse(note?.toString() ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** The id under which its receiver may know it already, else one that it always has. */
function idOf(bytes: Buffer, chunk: unknown): Buffer {
  if (typeof chunk === "string" && /^[0-9a-f]{32}$/.test(chunk)) return Buffer.from(chunk, "hex");
  return createHash("sha256").update(bytes).digest().subarray(0, 16);
}

/** Tag and events of a message; a Message becomes an entry. */
function bodyOf(bytes: Buffer): Pick<StoredChunk, "tag" | "byteSize" | "compression" | "read"> {
  const bounds = new MessageBounds();
  if (readMessage(bytes, 0, bytes.length, bounds) === INCOMPLETE) throw new MalformedError("it ends too early");
  const content = bytes.subarray(bounds.bodyStart, bounds.bodyEnd);
  const body = bounds.mode === "message" ? Buffer.concat([Buffer.from([0x92]), content]) : content;
  return {
    tag: bounds.tagStart < 0 ? undefined : bytes.toString("utf8", bounds.tagStart, bounds.tagEnd),
    byteSize: body.length,
    compression: compressedAs(bytes, bounds),
    read: () => once(body),
  };
}

/** An option that cannot be read says nothing; then the bytes themselves do. */
function compressedAs(bytes: Buffer, { optionStart, optionEnd, bodyStart }: MessageBounds): Chunk["compression"] {
  try {
    const option = new MessageOption();
    readOption(bytes, optionStart, optionEnd, option, Number.POSITIVE_INFINITY);
    const { compressed } = option;
    if (compressed === "gzip" || compressed === "zstd") return compressed;
  } catch {
    return detect(bytes.subarray(bodyStart));
  }
  return "text";
}

function compressionOf(path: string): Chunk["compression"] {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(MOST_DETECTED_BYTES);
    readSync(file, head, 0, head.length, 0);
    return detect(head);
  } finally {
    closeSync(file);
  }
}

/** By the first bytes; no msgpack entry begins like this. */
function detect(head: Buffer): Chunk["compression"] {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  return head.subarray(0, 4).toString("hex") === "28b52ffd" ? "zstd" : "text";
}

function readOptional(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Every file that belongs to the chunk. */
export function filesOf({ path, state }: StoredChunk): string[] {
  const beside = state === "quarantined" ? path.slice(0, -FRAME_SUFFIX.length) + NOTE_SUFFIX : `${path}.meta`;
  return [path, beside];
}

/** The folder that an agent would lock. */
export function folderOf({ path }: StoredChunk): string {
  return dirname(path);
}
