/** Stands between the agent and its receiver, and breaks what it is told to break. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What happens to the acks that come back; each holds until it is set anew. */
export type AckTreatment = "pass" | "swallow" | "lie";

const REFUSED_ACK = Buffer.from([0x81, 0xa3, 0x61, 0x63, 0x6b, 0xa4, 0x6c, 0x69, 0x65, 0x73]); // {"ack":"lies"}

export class FaultyProxy {
  readonly #receiverPort: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;
  acks: AckTreatment = "pass";
  /** Milliseconds between what comes from the agent and its way on. */
  delayMs = 0;
  /** Ends the connection after so many further bytes of one direction. */
  cutAfter: { readonly side: "agent" | "receiver"; bytes: number } | undefined;
  port = 0;

  constructor(receiverPort: number) {
    this.#receiverPort = receiverPort;
  }

  async start(): Promise<void> {
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    this.cut();
    this.#server?.close();
  }

  /** Ends every connection at once, as a network does: with whatever was under way. */
  cut(): void {
    for (const pair of this.#pairs) this.#end(pair);
  }

  #serve(agent: Socket): void {
    const receiver = connect(this.#receiverPort, "127.0.0.1");
    const pair = [agent, receiver] as const;
    this.#pairs.add(pair);
    for (const socket of pair) socket.on("error", () => {}).on("close", () => this.#end(pair));
    void this.#pass("agent", agent, receiver, pair);
    void this.#pass("receiver", receiver, agent, pair);
  }

  async #pass(side: "agent" | "receiver", from: Socket, to: Socket, pair: readonly [Socket, Socket]): Promise<void> {
    try {
      for await (const bytes of from as AsyncIterable<Buffer>) {
        if (side === "agent" && this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
        if (this.#cuts(side, bytes, to)) return this.#end(pair);
        if (side === "receiver" && this.acks === "swallow") continue;
        const passed = side === "receiver" && this.acks === "lie" ? REFUSED_ACK : bytes;
        if (!to.write(passed)) await Promise.race([once(to, "drain"), once(to, "close")]);
      }
    } catch {
      // The connection broke, as it should now and then.
    }
    this.#end(pair);
  }

  #cuts(side: "agent" | "receiver", bytes: Buffer, to: Socket): boolean {
    const cut = this.cutAfter;
    if (cut?.side !== side) return false;
    if (bytes.length < cut.bytes) {
      cut.bytes -= bytes.length;
      return false;
    }
    to.write(bytes.subarray(0, cut.bytes));
    this.cutAfter = undefined;
    return true;
  }

  #end(pair: readonly [Socket, Socket]): void {
    this.#pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }
}
