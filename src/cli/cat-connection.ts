/**
 * One connection of `suiro cat` to a receiver: TCP or TLS, the handshake where a shared key is given, messages out,
 * acknowledgements in, one at a time.
 */

import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import { hostname } from "node:os";
import { connect as connectTls } from "node:tls";
import { type Clock, systemClock } from "../clock.ts";
import { AckError, errorMessage, HandshakeError, LimitError, NetworkError, TimeoutError, TlsError } from "../errors.ts";
import { decode } from "../event/msgpack.ts";
import { INCOMPLETE, skipValue } from "../event/walker.ts";
import { createSalt, encodePing, readHelo, verifyPong } from "../forward-protocol/handshake.ts";

export interface CatPeer {
  readonly host: string;
  readonly port: number;
  /** Longest wait for any answer, in seconds. */
  readonly timeout: number;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly tlsInsecure?: boolean;
  readonly sharedKey?: string;
  readonly username?: string;
  readonly password?: string;
  readonly selfHostname?: string;
}

/** A receiver sends HELO, PONG and acks, each far below this. */
const RECEIVED_LIMIT_BYTES = 64 * 1024;

export class CatConnection {
  readonly #peer: CatPeer;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #received = Buffer.alloc(0);
  #isConnected = false;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  private constructor(peer: CatPeer, clock: Clock) {
    const isSecure = peer.tls || peer.ca !== undefined || peer.tlsInsecure;
    const socket = isSecure ? connectSecurely(peer) : connect(peer.port, peer.host);
    this.#peer = peer;
    this.#socket = socket;
    this.#clock = clock;
    socket.once(isSecure ? "secureConnect" : "connect", () => {
      this.#isConnected = true;
      this.#wake();
    });
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    socket.on("error", (error) => this.#fail(connectionError(this.#name, peer, error)));
    socket.on("close", () => this.#fail(new NetworkError(`${this.#name}: the receiver closed the connection`)));
  }

  /** Connects, and authenticates where a shared key is given. Throws NetworkError, TlsError, HandshakeError, TimeoutError. */
  static async open(peer: CatPeer, clock: Clock = systemClock): Promise<CatConnection> {
    const connection = new CatConnection(peer, clock);
    try {
      await connection.#until("answer", () => connection.#isConnected);
      if (peer.sharedKey !== undefined) await connection.#authenticate(peer.sharedKey);
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** Resolves when the operating system has the bytes. */
  async send(message: Buffer): Promise<void> {
    let written = false;
    this.#socket.write(message, (error) => {
      written = !error;
      this.#wake();
    });
    await this.#until("take the events", () => written);
  }

  /** Resolves when the receiver has acknowledged `id`. Throws AckError for anything else. */
  async awaitAck(id: string): Promise<void> {
    const answer = decode(await this.#message("acknowledge")) as { ack?: unknown } | null;
    if (answer?.ack !== id) {
      const reason = Array.isArray(answer) && answer[0] === "HELO" ? `; ${NEEDS_KEY}` : "";
      throw new AckError(`${this.#name}: the receiver did not acknowledge what was sent${reason}`);
    }
  }

  /** Sends what is left and waits for the receiver to close. Throws where the receiver had asked for a key. */
  async close(): Promise<void> {
    this.#socket.end();
    // A receiver may close with a reset (fluentd does); all is written by now, so that says nothing.
    await this.#until("close", () => this.#socket.closed).catch(() => {});
    this.#socket.destroy();
    const end = skipValue(this.#received, 0, this.#received.length);
    const answer = end > 0 ? decode(this.#received.subarray(0, end)) : undefined;
    if (Array.isArray(answer) && answer[0] === "HELO") throw new HandshakeError(`${this.#name}: ${NEEDS_KEY}`);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get #name(): string {
    return `${this.#peer.host}:${this.#peer.port}`;
  }

  async #authenticate(sharedKey: string): Promise<void> {
    const identity = {
      selfHostname: this.#peer.selfHostname ?? hostname(),
      sharedKey,
      username: this.#peer.username ?? "",
      password: this.#peer.password ?? "",
    };
    const helo = readHelo(await this.#message("greet (has it a <security> section?)"));
    const salt = createSalt();
    await this.send(encodePing(helo, salt, identity));
    const pong = await this.#message("check the shared key");
    try {
      verifyPong(pong, helo, salt, identity);
    } catch (error) {
      throw new HandshakeError(`${this.#name}: ${errorMessage(error)}`);
    }
  }

  /** The bytes of the next message. */
  async #message(purpose: string): Promise<Buffer> {
    let end = INCOMPLETE;
    await this.#until(purpose, () => {
      if (this.#received.length > RECEIVED_LIMIT_BYTES) {
        throw new LimitError(`${this.#name}: the answer is longer than ${RECEIVED_LIMIT_BYTES} bytes`);
      }
      end = skipValue(this.#received, 0, this.#received.length);
      return end !== INCOMPLETE;
    });
    const message = this.#received.subarray(0, end);
    this.#received = this.#received.subarray(end);
    return message;
  }

  /** Waits until `isDone`, for at most the timeout; throws what broke the connection meanwhile. */
  #until(purpose: string, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (action: () => void) => {
        cancel();
        this.#wake = () => {};
        action();
      };
      const timeout = `${this.#name}: the receiver did not ${purpose} within ${this.#peer.timeout} s`;
      const cancel = this.#clock.after(this.#peer.timeout * 1000, () =>
        settle(() => reject(new TimeoutError(timeout))),
      );
      this.#wake = () => {
        try {
          if (isDone()) settle(resolve);
          else if (this.#failure) settle(() => reject(this.#failure));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#wake();
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

function connectSecurely(peer: CatPeer): Socket {
  return connectTls({
    host: peer.host,
    port: peer.port,
    // A name is verified against the certificate; SNI does not carry addresses.
    ...(isIP(peer.host) ? {} : { servername: peer.host }),
    ...(peer.ca === undefined ? {} : { ca: readAuthorities(peer.ca) }),
    rejectUnauthorized: !peer.tlsInsecure,
  });
}

function readAuthorities(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TlsError(`cannot read the certificate authorities in ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** Tells what to do where the reason is one that people meet. */
function connectionError(name: string, peer: CatPeer, error: NodeJS.ErrnoException): Error {
  const cause = { cause: error };
  if (error.code === "ECONNREFUSED") return new NetworkError(`${name}: nothing listens there (ECONNREFUSED)`, cause);
  if (error.code === "ENOTFOUND") return new NetworkError(`${name}: the name ${peer.host} is not known`, cause);
  if (error.code === "ERR_SSL_WRONG_VERSION_NUMBER" || error.code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return new TlsError(`${name}: the receiver does not speak TLS; leave --tls out`, cause);
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(error.code ?? "")) {
    return new TlsError(`${name}: its certificate cannot be trusted: ${error.message}; see --ca`, cause);
  }
  return new NetworkError(`${name}: ${error.message}`, cause);
}

const NEEDS_KEY = "it asks for a shared key: give --shared-key or SUIRO_CAT_SHARED_KEY";
