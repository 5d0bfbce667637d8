/** Listens for datagrams, each of them a text: the part that `udp` and `syslog` share. */

import type { RemoteInfo, Socket } from "node:dgram";
import { errorMessage, NetworkError } from "../../errors.ts";
import type { PluginContext } from "../../plugin.ts";
import { listeningSockets } from "../../tls/listening-sockets.ts";
import { emitBatches } from "../emit-batches.ts";
import { HostNames } from "../forward/host-names.ts";
import { DEFAULT_LIMITS } from "../forward/limits.ts";
import type { Batch } from "./batches.ts";
import { type PeerKeys, peerValues } from "./peer.ts";

export interface DatagramServerOptions extends PeerKeys {
  readonly port: number;
  readonly bind: string;
  /** What a datagram has more is cut off, as recvfrom does. */
  readonly limitBytes: number;
  readonly receiveBufferBytes: number | undefined;
  message(bytes: Buffer, start: number, end: number, values: readonly Buffer[]): void;
  takeBatches(): Batch[];
}

interface Datagram {
  readonly bytes: Buffer;
  readonly address: string;
}

export class DatagramServer {
  readonly #options: DatagramServerOptions;
  readonly #context: PluginContext;
  readonly #hostNames: HostNames;
  #socket: Socket | undefined;
  #waiting: Datagram[] = [];
  /** Of datagrams that outputs do not hold yet. */
  #waitingBytes = 0;
  /** What has come is delivered together; what comes meanwhile waits for it: order is kept. */
  #work: Promise<void> | undefined;

  constructor(options: DatagramServerOptions, context: PluginContext) {
    this.#options = options;
    this.#context = context;
    this.#hostNames = new HostNames(context.clock);
  }

  get address(): { host: string; port: number } | undefined {
    const address = this.#socket?.address();
    return address ? { host: address.address, port: address.port } : undefined;
  }

  async start(): Promise<void> {
    const { port, bind, receiveBufferBytes } = this.#options;
    let socket: Socket;
    try {
      const receive = (bytes: Buffer, { address }: RemoteInfo) => this.#receive(bytes, address);
      socket = await listeningSockets.openDatagrams({ host: bind, port, receiveBufferBytes }, receive);
    } catch (cause) {
      const message = `cannot listen on ${bind}:${port} (UDP): ${errorMessage(cause)}; free the port or set another`;
      throw new NetworkError(message, { cause });
    }
    socket.on("error", (error) => this.#context.logger.error("unexpected error on receiving datagrams", { error }));
    this.#socket = socket;
  }

  async stop(): Promise<void> {
    if (this.#socket) listeningSockets.closeDatagrams(this.#socket);
    this.#socket = undefined;
    await this.#work;
  }

  /** Datagrams cannot be held back: what outputs do not take in time is dropped and counted. */
  #receive(bytes: Buffer, address: string): void {
    const { counters } = this.#context;
    counters.add("received_bytes", bytes.length);
    if (this.#waitingBytes > DEFAULT_LIMITS.unackedLimit) {
      counters.add("dropped_events", 1, "backlog");
      return;
    }
    this.#waitingBytes += bytes.length;
    this.#waiting.push({ bytes, address });
    this.#work ??= this.#deliver();
  }

  async #deliver(): Promise<void> {
    const { limitBytes, message, takeBatches } = this.#options;
    while (this.#waiting.length > 0) {
      const datagrams = this.#waiting;
      this.#waiting = [];
      for (const { bytes, address } of datagrams) {
        message(
          bytes,
          0,
          Math.min(bytes.length, limitBytes),
          await peerValues(this.#options, address, this.#hostNames),
        );
      }
      await emitBatches(takeBatches(), this.#context);
      for (const { bytes } of datagrams) this.#waitingBytes -= bytes.length;
    }
    this.#work = undefined;
  }
}

/** The end of a text without its line end, as Ruby's `chomp` has it. */
export function chomped(bytes: Buffer, start: number, end: number): number {
  if (end > start && bytes[end - 1] === 0x0a) return end - 1 > start && bytes[end - 2] === 0x0d ? end - 2 : end - 1;
  return end > start && bytes[end - 1] === 0x0d ? end - 1 : end;
}
