/**
 * Sends stored chunks again: to a receiver that speaks the Forward protocol, each with an ack, or into the buffer folder
 * of an agent that is stopped, where they wait for its next start.
 */

import { randomBytes } from "node:crypto";
import { lookup } from "node:dns/promises";
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { chunkPathPattern, queuedPath, stagedPath } from "../../buffer/chunk-path.ts";
import { nodeFileSystem } from "../../buffer/file-system.ts";
import { encodeMeta } from "../../buffer/meta-file.ts";
import { ConfigElement } from "../../config/element.ts";
import { readSectionOrThrow, section } from "../../config/parameters.ts";
import { SuiroError, UnrecoverableError } from "../../errors.ts";
import { ClientSession } from "../../forward-protocol/client-session.ts";
import { createTcpConnector } from "../../forward-protocol/tcp-connector.ts";
import { createTlsConnector, tlsClientParameters } from "../../tls/client.ts";
import type { CatPeer } from "../cat-connection.ts";
import { JournalCheck } from "./journal-check.ts";
import { filesOf, folderOf, type StoredChunk } from "./stored-chunks.ts";
import { countEvents, plainBytes } from "./stored-events.ts";

export interface ReplayTarget extends CatPeer {
  /** A buffer folder instead of a receiver. */
  readonly into?: string;
  /** The tag of chunks that say none. */
  readonly tag?: string;
  /** Removes each chunk once it is acknowledged. */
  readonly delete?: boolean;
}

/** Sends `chunks` one after the other; tells of each. Gives how many could not be sent. Throws SuiroError. */
export async function replay(
  chunks: readonly StoredChunk[],
  target: ReplayTarget,
  tell: (line: string) => void,
): Promise<number> {
  for (const folder of new Set(chunks.map(folderOf))) await refuseLive(folder);
  if (target.into !== undefined) await refuseLive(target.into);
  const session = target.into === undefined && chunks.length > 0 ? await open(target) : undefined;
  let failures = 0;
  for (const chunk of chunks) {
    try {
      const size = session
        ? await send(session, chunk, target.tag)
        : await place(chunk, target.into as string, target.tag);
      if (target.delete) for (const file of filesOf(chunk)) rmSync(file, { force: true });
      tell(`${chunk.path}: ${size} events ${session ? "acknowledged" : "placed"}${target.delete ? ", deleted" : ""}\n`);
    } catch (error) {
      if (!(error instanceof SuiroError)) throw error;
      failures += 1;
      tell(`${chunk.path}: ${error.message}\n`);
      if (session && !session.isOpen) throw error;
    }
  }
  await session?.close().catch(() => {});
  return failures;
}

/** A running agent sends the chunks of its folder itself. Throws UnrecoverableError. */
async function refuseLive(folder: string): Promise<void> {
  for (const name of safeList(folder)) {
    if (!/^\..+\.lock\./.test(name) || !(await isListening(join(folder, name)))) continue;
    throw new UnrecoverableError(
      `${folder} is in use by an agent (${name}): it sends its chunks itself. Stop it first; ls, show, verify and export are safe`,
    );
  }
}

function safeList(folder: string): string[] {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [];
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (isAlive: boolean) => {
      socket.destroy();
      resolve(isAlive);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => settle(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}

async function open(target: ReplayTarget): Promise<ClientSession> {
  const { host, port, timeout, sharedKey, username = "", password = "", selfHostname = hostname() } = target;
  const isSecure = target.tls || target.ca !== undefined || target.tlsInsecure;
  const { address } = await lookup(host);
  const connector = isSecure ? createTlsConnector(tlsConfig(target), POSITION) : createTcpConnector();
  return ClientSession.open({
    connect: () => connector.connect({ address, port, serverName: host, timeoutMs: timeout * 1000 }),
    peer: `${host}:${port}`,
    identity: sharedKey === undefined ? undefined : { selfHostname, sharedKey, username, password },
    handshakeTimeoutMs: timeout * 1000,
    sendTimeoutMs: timeout * 1000,
    ackTimeoutMs: timeout * 1000,
  });
}

const POSITION = { file: "command line", line: 1 };

function tlsConfig({ ca, tlsInsecure }: ReplayTarget) {
  const given = { ...(ca !== undefined && { tls_cert_path: ca }), ...(tlsInsecure && { tls_insecure_mode: "true" }) };
  const parameters = Object.entries(given).map(([key, value]) => ({ key, value, position: POSITION }));
  return readSectionOrThrow(section(tlsClientParameters), new ConfigElement("server", "", POSITION, parameters));
}

async function send(session: ClientSession, chunk: StoredChunk, givenTag: string | undefined): Promise<number> {
  const { tag, size, byteSize } = await sendable(chunk, givenTag);
  const blocks = () => upTo(chunk.read(), byteSize);
  await session.send({ tag, size, byteSize, compressed: chunk.compression, chunkId: chunk.id, blocks });
  return size;
}

/** Makes a queued chunk of it, decompressed: whether the buffer there is compressed nobody knows. */
async function place(chunk: StoredChunk, folder: string, givenTag: string | undefined): Promise<number> {
  const { tag, size } = await sendable(chunk, givenTag);
  mkdirSync(folder, { recursive: true });
  const pattern = chunkPathPattern(folder, ".log", nodeFileSystem);
  // One that the journal knows as delivered would be removed as such at the next start.
  const id = new JournalCheck().isKnown(pattern.prefix, chunk.id) ? likeId(chunk.id) : chunk.id;
  const path = queuedPath(stagedPath(pattern, id));
  const blocks: Buffer[] = [];
  for await (const block of plainBytes(chunk)) blocks.push(block);
  const now = Math.floor(chunk.modifiedAt.getTime() / 1000);
  const metadata = { tag, timekey: undefined, variables: undefined, sequence: 0 };
  writeFileSync(`${path}.meta`, encodeMeta({ metadata, id, size, createdAt: now, modifiedAt: now }), {
    flag: "wx",
  });
  writeFileSync(path, Buffer.concat(blocks), { flag: "wx" });
  return size;
}

/** Another id of the same time, of a kind that a start after a lost machine leaves alone. */
function likeId(id: Buffer): Buffer {
  return Buffer.concat([id.subarray(0, 12), randomBytes(4)]);
}

/** What can be sent of a chunk: its whole events. Throws UnrecoverableError. */
async function sendable(chunk: StoredChunk, givenTag: string | undefined) {
  const tag = chunk.reason === "invalid_tag" ? givenTag : (chunk.tag ?? givenTag);
  if (tag === undefined) throw new UnrecoverableError("nothing tells a tag that it may have: give --tag");
  if (chunk.reason === "invalid_event") {
    throw new UnrecoverableError("its events were delivered, what is left is none: mend it with `suiro buffer export`");
  }
  const found = await countEvents(chunk);
  if (found.size === 0) throw new UnrecoverableError("it has no whole event that could be sent");
  return { tag, size: found.size, byteSize: found.byteSize };
}

async function* upTo(blocks: AsyncIterable<Buffer>, byteSize: number): AsyncGenerator<Buffer> {
  let left = byteSize;
  for await (const block of blocks) {
    if (left <= 0) return;
    yield block.subarray(0, left);
    left -= block.length;
  }
}
