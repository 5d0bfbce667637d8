/**
 * The receiving side of one connection, without its socket: handshake, choice of codec, messages, acks.
 *
 * ```text
 *   read ─► Framer or JsonFramer ─► handshaking: PING is judged, PONG written
 *                                ├► established: handler.message, one by one; then handler.readEnd
 *                                └► beyond the limits: RefusedFrame, byte by byte to handler.refuseFrame
 * ```
 *
 * Source: Forward protocol v1, "Connection"; fluentd 1.18 in_forward `handle_connection`.
 */

import { HandshakeError, LimitError } from "../errors.ts";
import { type Acks, jsonAcks } from "./acks.ts";
import { judgePing, type Refusal, type SecurityPolicy } from "./authenticator.ts";
import { type FoundMessage, Framer, type MessageSource } from "./framer.ts";
import { createHelo, encodeHelo, type Helo } from "./handshake.ts";
import { JsonFramer, startsJson } from "./json-framer.ts";
import type { MessageLimits } from "./message-limits.ts";
import { RefusedFrame } from "./refused-frame.ts";

export interface MessageHandler {
  /**
   * One whole message, valid until the call returns, but for its bounds, which hold until the promise settles. A message
   * that is owned is the handler's own memory, to keep or to give back.
   * A promise holds back the messages behind it. Throws when the connection cannot go on.
   */
  message(message: FoundMessage): Promise<void> | undefined;
  /** No whole message is left: what was gathered may go on. */
  readEnd(): void;
  /**
   * A message passes the limits, as `error` says. Gives what takes its bytes as they come, or undefined when the
   * connection is to end.
   */
  refuseFrame(error: LimitError): Promise<FrameSink | undefined> | undefined;
  /** The client has proved itself. The name is its own word. */
  established(clientHostname: string): void;
  /** The client was refused, and told so. The name is its own word. */
  refused(refusal: Refusal, clientHostname: string): void;
}

/** Takes the bytes of a message that is not held. */
export interface FrameSink {
  /** `declaredBytes` is what the message has at least. False when it cannot be taken: the connection then ends. */
  write(bytes: Buffer, declaredBytes: number): Promise<boolean>;
  /** The message is whole; `option` is that of the message, or empty. */
  end(option: Buffer): Promise<void>;
  /** It will never be whole. */
  abort(): void;
}

export interface ServerSessionOptions {
  readonly limits: MessageLimits;
  /** Absent: every peer may send. */
  readonly security: SecurityPolicy | undefined;
  /** What HELO says. */
  readonly keepalive: boolean;
  /** The peer's IP address. */
  readonly address: string;
  readonly handler: MessageHandler;
  readonly write: (bytes: Buffer) => void;
}

/** A message beyond the limits that is passing by. */
interface Refused {
  readonly frame: RefusedFrame;
  readonly sink: FrameSink;
  readonly error: LimitError;
}

export class ServerSession {
  readonly #options: ServerSessionOptions;
  readonly #helo: Helo | undefined;
  #source: MessageSource | undefined;
  #isEstablished: boolean;
  #isClosed = false;
  #refused: Refused | undefined;
  /** Whole messages so far. */
  messageCount = 0;

  constructor(options: ServerSessionOptions) {
    this.#options = options;
    this.#isEstablished = options.security === undefined;
    if (options.security === undefined) return;
    this.#helo = createHelo(options.keepalive);
    const { limits } = options;
    this.#source = new Framer(limits.handshakeSizeLimit, limits.nestingLimit);
  }

  /** Says HELO, where there is a handshake. */
  start(): void {
    if (this.#helo) this.#options.write(encodeHelo(this.#helo));
  }

  get isEstablished(): boolean {
    return this.#isEstablished;
  }

  /** Bytes of a message that has begun and is not whole. */
  get pendingBytes(): number {
    return this.#refused?.frame.takenBytes ?? this.heldBytes;
  }

  /** Those of them that are held in memory. */
  get heldBytes(): number {
    return this.#source?.pendingBytes ?? 0;
  }

  /**
   * Takes one read, valid until the call returns. A promise means that the next read must wait for it. Throws, or rejects
   * with, MalformedError, LimitError or HandshakeError, after which the connection is of no more use; a refused PING is
   * answered before.
   */
  receive(read: Buffer): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#refused) return this.#passRefused(Buffer.from(read));
    const { limits } = this.#options;
    this.#source ??= startsJson(read[0] as number)
      ? new JsonFramer(limits.frameSizeLimit)
      : new Framer(limits.frameSizeLimit, limits.nestingLimit);
    this.#source.feed(read);
    return this.#handleMessages(this.#source);
  }

  /** Hands out no more messages, also of reads that are already here. */
  close(): void {
    this.#isClosed = true;
    this.#refused?.sink.abort();
    this.#refused = undefined;
  }

  /** The acks in the connection's codec. */
  encodeAcks(acks: Acks): Buffer {
    return this.#source instanceof JsonFramer ? jsonAcks(acks) : acks.bytes;
  }

  #handleMessages(source: MessageSource): Promise<void> | undefined {
    const { handler } = this.#options;
    while (!this.#isClosed) {
      try {
        if (!source.next()) break;
      } catch (error) {
        if (!(error instanceof LimitError && this.#isEstablished && source instanceof Framer)) throw error;
        handler.readEnd();
        return this.#beginRefused(source, error);
      }
      this.messageCount += 1;
      if (!this.#isEstablished) {
        this.#judge(source);
        continue;
      }
      const wait = handler.message(source);
      if (wait) {
        source.keepRest();
        return wait.then(() => this.#handleMessages(source));
      }
    }
    handler.readEnd();
    return undefined;
  }

  async #beginRefused(framer: Framer, error: LimitError): Promise<void> {
    const bytes = framer.surrender();
    const sink = await this.#options.handler.refuseFrame(error);
    if (!sink) throw error;
    if (this.#isClosed) return sink.abort();
    this.#refused = { frame: new RefusedFrame(), sink, error };
    await this.#passRefused(bytes);
  }

  /** Passes on what belongs to the refused message, and reads on behind it. */
  async #passRefused(bytes: Buffer): Promise<void> {
    const { frame, sink, error } = this.#refused as Refused;
    try {
      const count = frame.take(bytes);
      if (!(await sink.write(bytes.subarray(0, count), frame.declaredBytes))) throw error;
      if (!frame.isWhole || this.#isClosed) return;
      this.#refused = undefined;
      this.messageCount += 1;
      await sink.end(frame.option);
      if (count < bytes.length) await this.receive(bytes.subarray(count));
    } catch (failure) {
      this.#refused = undefined;
      sink.abort();
      throw failure;
    }
  }

  #judge(source: MessageSource): void {
    const { security, address, handler, write, limits } = this.#options;
    const ping = source.bytes.subarray(source.start, source.end);
    const verdict = judgePing(ping, this.#helo as Helo, address, security as SecurityPolicy);
    write(verdict.reply);
    if (verdict.refusal) {
      handler.refused(verdict.refusal, verdict.hostname);
      throw new HandshakeError(verdict.refusal.reason);
    }
    this.#isEstablished = true;
    source.limitBytes = limits.frameSizeLimit;
    handler.established(verdict.hostname);
  }
}
