/**
 * The sending side of one connection: handshake, messages one after the other, and their acks in whatever order.
 *
 * ```text
 * open ── (HELO ► ◄ PING ► PONG) ──► open for messages ──► close: FIN behind the last byte, then the peer's
 *                                        │ send: write · · · ack
 *                                        └──► failed: everything that waits is told why, the socket is gone
 * ```
 *
 * One message is written at a time; further ones may follow while acks are pending. Nothing the peer sends is trusted.
 * Source: Forward protocol v1; fluentd 1.18 out_forward.rb and out_forward/ack_handler.rb.
 */

import type { Socket } from "node:net";
import { type CancelTimer, type Clock, systemClock } from "../clock.ts";
import {
  AckError,
  errorMessage,
  HandshakeError,
  MalformedError,
  NetworkError,
  StoppingError,
  TimeoutError,
} from "../errors.ts";
import { AckWaiter, NoAckError } from "./ack-waiter.ts";
import { type ClientIdentity, createSalt, encodePing, readHelo, verifyPong } from "./handshake.ts";
import { messageWrites, type OutgoingMessage } from "./outgoing-message.ts";
import { chunkOption } from "./packed-forward.ts";
import { isHelo, ResponseReader, readAck } from "./response-reader.ts";

/** How long a closed connection waits for the peer's end. It frees the socket only; the bytes are on their way. */
const LINGER_MS = 5000;

/** HELO and PONG; a peer that sends more before it is asked is not a receiver. */
const MAX_HANDSHAKE_MESSAGES = 2;

export interface ClientSessionOptions {
  /** Makes the connection; its errors are the session's. */
  connect(): Promise<Socket>;
  /** `host:port` for messages. */
  readonly peer: string;
  /** Proves itself to a receiver with `<security>`; without it no handshake is expected. */
  readonly identity?: ClientIdentity | undefined;
  readonly clock?: Clock | undefined;
  /** HELO, PING and PONG together. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** A write of at most WRITE_BYTES must be taken by the peer in this time: a limit on silence, not on a chunk. */
  readonly sendTimeoutMs?: number | undefined;
  /** From the last byte to the ack. */
  readonly ackTimeoutMs?: number | undefined;
}

export interface SendOptions {
  /** Called once every byte is with the kernel and only the ack is awaited. */
  onSent?(): void;
  /** Its abort gives the connection up. */
  readonly signal?: AbortSignal | undefined;
}

export class ClientSession {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #options: ClientSessionOptions;
  readonly #responses = new ResponseReader();
  readonly #acks = new AckWaiter();
  #handshake: { messages: Buffer[]; wake(): void } | undefined;
  #failure: Error | undefined;
  #isClosing = false;
  #settleClose = (_error?: Error) => {};
  #isWriting = false;
  #closedByPeer = false;
  #allowsReuse = true;
  #onEnd = () => {};

  private constructor(socket: Socket, options: ClientSessionOptions) {
    this.peer = options.peer;
    this.#socket = socket;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("end", () => this.#peerGone());
    socket.on("error", (error) => this.#peerGone(error));
    socket.on("close", () => this.#peerGone());
  }

  /**
   * Connects, and shakes hands where there is an identity. Rejects with HandshakeError, TimeoutError, NetworkError, or
   * what `connect` rejects with.
   */
  static async open(options: ClientSessionOptions): Promise<ClientSession> {
    const session = new ClientSession(await options.connect(), options);
    if (options.identity) await session.#shakeHands(options.identity);
    return session;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#failure === undefined && !this.#isClosing;
  }

  /** A message is being written: the next must wait. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** The receiver's HELO did not forbid a second message. */
  get allowsReuse(): boolean {
    return this.#allowsReuse;
  }

  /** Why the session ended; undefined while it has not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The peer ended the connection, by its own will or by dying. */
  get closedByPeer(): boolean {
    return this.#closedByPeer;
  }

  /** Chunks sent, whose ack has not come. */
  get pendingAcks(): number {
    return this.#acks.count;
  }

  get pendingBytes(): number {
    return this.#acks.byteSize;
  }

  /** Calls `action` once when the session can send no more. */
  onEnd(action: () => void): void {
    if (this.#failure) action();
    else this.#onEnd = action;
  }

  /**
   * Sends one message. With a chunk id it resolves at the ack; without, when the kernel has every byte.
   * Rejects with NetworkError or TimeoutError while writing; AckError for a wrong ack, NoAckError for none;
   * StoppingError on abort; and with what reading the body throws. After any of these the connection is closed.
   */
  async send(message: OutgoingMessage, { onSent, signal }: SendOptions = {}): Promise<void> {
    const onAbort = () => this.#fail(new StoppingError(`gave up sending to ${this.peer}: stopping`));
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    let cancelAckTimer: CancelTimer | undefined;
    try {
      const ack = await this.#write(message);
      if (ack) cancelAckTimer = this.#startAckTimer();
      onSent?.();
      await ack?.promise;
    } finally {
      cancelAckTimer?.();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Ends the connection behind the last byte and waits, LINGER_MS at most, until the peer has ended it too. Rejects when
   * it broke before every byte was with the kernel, or was answered with an alert. A reset after that is fluentd's way to close (`linger_timeout 0`).
   */
  close(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#isClosing = true;
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(LINGER_MS, () => this.#settleClose());
      this.#settleClose = (error) => {
        cancel();
        this.#settleClose = () => {};
        this.#fail(error ?? new NetworkError(`the connection to ${this.peer} is closed`));
        if (error) reject(error);
        else resolve();
      };
      this.#socket.end();
    });
  }

  /** Lets go at once; everything that waits is rejected. */
  destroy(): void {
    this.#fail(new StoppingError(`the connection to ${this.peer} was given up`));
  }

  async #shakeHands(identity: ClientIdentity): Promise<void> {
    const timeoutMs = this.#options.handshakeTimeoutMs ?? 60_000;
    const late = `no handshake from ${this.peer} within ${timeoutMs} ms; does the receiver have <security>?`;
    const cancel = this.#clock.after(timeoutMs, () => this.#fail(new TimeoutError(late)));
    this.#handshake = { messages: [], wake: () => {} };
    try {
      const helo = readHelo(await this.#nextHandshakeMessage());
      const salt = createSalt();
      await this.#flush([encodePing(helo, salt, identity)]);
      verifyPong(await this.#nextHandshakeMessage(), helo, salt, identity);
      this.#allowsReuse = helo.keepalive;
    } catch (error) {
      const named =
        error instanceof HandshakeError ? new HandshakeError(`handshake with ${this.peer}: ${error.message}`) : error;
      this.#fail(named as Error);
      throw named;
    } finally {
      cancel();
      this.#handshake = undefined;
    }
  }

  async #nextHandshakeMessage(): Promise<Buffer> {
    const handshake = this.#handshake as { messages: Buffer[]; wake(): void };
    for (;;) {
      if (this.#failure) throw this.#failure;
      const message = handshake.messages.shift();
      if (message) return message;
      await new Promise<void>((resolve) => {
        handshake.wake = resolve;
      });
    }
  }

  /** Writes a whole message; gives the ack that is to come, wrapped so that awaiting this does not await it. */
  async #write(message: OutgoingMessage): Promise<{ promise: Promise<void> } | undefined> {
    if (this.#isWriting) throw new TypeError("one message at a time");
    this.#isWriting = true;
    let ack: Promise<void> | undefined;
    try {
      if (this.#failure) throw this.#failure;
      for await (const { parts, isLast } of messageWrites(message)) {
        if (isLast && message.chunkId) {
          ack = this.#acks.wait(chunkOption(message.chunkId), message.byteSize);
          ack.catch(() => {}); // a write that fails tells more than the ack that it takes along
        }
        await this.#flush(parts);
      }
    } catch (error) {
      this.#fail(error as Error); // half a message was written: the connection is of no use
      throw error;
    } finally {
      this.#isWriting = false;
    }
    return ack && { promise: ack };
  }

  /** Resolves when the kernel has the bytes. */
  #flush(parts: readonly Buffer[]): Promise<void> {
    const timeoutMs = this.#options.sendTimeoutMs ?? 60_000;
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const cancel = this.#clock.after(timeoutMs, () =>
        this.#fail(new TimeoutError(`${this.peer} took no bytes for ${timeoutMs} ms; see send_timeout`)),
      );
      const done = (error?: Error | null) => {
        cancel();
        if (!error) return resolve();
        this.#peerGone(error);
        reject(this.#failure);
      };
      this.#socket.cork();
      for (const part of parts.slice(0, -1)) this.#socket.write(part);
      this.#socket.write(parts.at(-1) as Buffer, done);
      this.#socket.uncork();
    });
  }

  #startAckTimer(): CancelTimer {
    return this.#clock.after(this.#options.ackTimeoutMs ?? 190_000, () =>
      this.#fail(new NoAckError(`no response from node. regard it as unavailable. (${this.peer})`)),
    );
  }

  #take(bytes: Buffer): void {
    try {
      for (const message of this.#responses.push(bytes)) {
        if (this.#failure) return;
        this.#answer(message);
      }
    } catch (error) {
      const message = `unexpected answer of ${this.peer}: ${errorMessage(error)}`;
      if (error instanceof AckError) this.#fail(new AckError(`${error.message} (${this.peer})`));
      else if (error instanceof HandshakeError) this.#fail(error);
      else this.#fail(new MalformedError(message, { cause: error }), new AckError(message, { cause: error }));
    }
  }

  #answer(message: Buffer): void {
    if (this.#handshake) {
      if (this.#handshake.messages.push(message) > MAX_HANDSHAKE_MESSAGES) {
        throw new HandshakeError(`${this.peer} sent more than a handshake`);
      }
      this.#handshake.wake();
      return;
    }
    if (isHelo(message))
      throw new HandshakeError(`${this.peer} asks for a handshake; add <security> with its shared_key`);
    if (this.#isClosing) return;
    const ack = readAck(message);
    if (!ack) throw new MalformedError("it is no ack");
    this.#acks.acknowledge(ack);
  }

  #peerGone(cause?: Error): void {
    if (this.#failure) return;
    this.#closedByPeer = true;
    const what = cause ? `connection to ${this.peer} broke: ${cause.message}` : `${this.peer} closed the connection`;
    if (this.#isClosing) {
      const delivered = this.#socket.writableFinished && (cause === undefined || isReset(cause));
      this.#settleClose(delivered ? undefined : new NetworkError(what, { cause }));
    } else {
      const lost = `destination node closed the connection. regard it as unavailable. (${this.peer})`;
      this.#fail(new NetworkError(what, { cause }), new NoAckError(lost, { cause }));
    }
  }

  /** The end of the session: `error` for whoever writes or waits, `ackError` for chunks that wait for an ack. */
  #fail(error: Error, ackError = error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#acks.fail(ackError);
    this.#handshake?.wake();
    this.#socket.destroy();
    this.#settleClose(error);
    this.#onEnd();
  }
}

function isReset(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ECONNRESET" || code === "EPIPE";
}
