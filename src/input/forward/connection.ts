/**
 * One client: its socket, deadlines and end. Bytes go to the session; what comes back is written. An error on one
 * connection never leaves it.
 *
 * However it ends (peer done, bad bytes, agent stopping), the order is the same: no more messages are taken, emits under
 * way finish, their acks are written, then our side of the socket ends; the peer may take CLOSE_GRACE_MS for its own.
 */

import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../clock.ts";
import type { Counters } from "../../counters.ts";
import { HandshakeError, SuiroError } from "../../errors.ts";
import { plainAddress, type SecurityPolicy } from "../../forward-protocol/authenticator.ts";
import { ServerSession } from "../../forward-protocol/server-session.ts";
import type { Logger } from "../../logger.ts";
import type { Emitter } from "../../plugin.ts";
import type { RareWarnings } from "../../rare-warnings.ts";
import type { AddressGuard } from "./address-guard.ts";
import { Deliveries, type UnackedTotal } from "./deliveries.ts";
import type { HostNames } from "./host-names.ts";
import { CLOSE_GRACE_MS, type ForwardLimits, UNREAD_ACKS_LIMIT_BYTES } from "./limits.ts";
import type { Collecting, PendingMessages } from "./pending-messages.ts";
import { Receiver, type ReceiverRules } from "./receiver.ts";
import type { Resends } from "./resends.ts";
import { SourceFields } from "./source-fields.ts";

/** What connections of an input share. */
export interface ConnectionRules extends ReceiverRules {
  readonly limits: ForwardLimits;
  readonly unackedTotal: UnackedTotal;
  readonly pendingMessages: PendingMessages;
  readonly security: SecurityPolicy | undefined;
  /** Told how handshakes end; absent where there are no addresses. */
  readonly logins: Pick<AddressGuard, "failed" | "succeeded"> | undefined;
  /** Absent: names are not looked up. */
  readonly resends?: Resends | undefined;
  readonly hostNames: HostNames | undefined;
  readonly sourceAddressKey: string | undefined;
  readonly sourceHostnameKey: string | undefined;
  readonly emitter: Emitter;
  readonly logger: Logger;
  readonly warnings: RareWarnings;
  readonly counters: Counters;
  readonly clock: Clock;
}

/** Why the socket is not read at the moment. */
type Pause = "resolving" | "decompressing" | "unacked" | "unread acks";

export class Connection implements Collecting {
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #rules: ConnectionRules;
  readonly #address: string;
  readonly #pauses = new Set<Pause>();
  #deliveries: Deliveries | undefined;
  #session: ServerSession | undefined;
  #receiver: Receiver | undefined;
  #host: string;
  #isFinishing = false;
  #cancelDeadline: CancelTimer = () => {};
  /** When a byte last came, or reading was taken up again; monotonic. */
  #lastReadAt: number;
  /** When the message that is not whole yet began. */
  #frameStartedAt = 0;

  constructor(socket: Socket, rules: ConnectionRules, onClose: (connection: Connection) => void) {
    this.#socket = socket;
    this.#rules = rules;
    this.#address = plainAddress(socket.remoteAddress ?? "");
    this.#host = this.#address;
    this.#lastReadAt = rules.clock.monotonic();
    socket.on("error", (error) => rules.logger.debug("connection failed", { host: this.#host, error }));
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#cancelDeadline();
        this.#session?.close();
        rules.pendingMessages.set(this, 0, true);
        onClose(this);
        resolve();
      });
    });
    if (rules.hostNames) void this.#resolveThenServe(rules.hostNames);
    else this.#serve();
  }

  /** Ends the connection in order. Resolves when everything that was received is settled and the acks are written. */
  async finish(): Promise<void> {
    if (!this.#isFinishing) this.#beginFinish();
    await this.#deliveries?.idle();
  }

  /** Ends the connection at once; what is not acked stays with the sender. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Looks for limits of time; called now and then. */
  check(now: number): void {
    if (this.#isFinishing || this.#pauses.size > 0 || !this.#session) return;
    const { messageTimeout, messageRateFloor, idleTimeout } = this.#rules.limits;
    const { pendingBytes } = this.#session;
    const frameSeconds = (now - this.#frameStartedAt) / 1000;
    if (pendingBytes > 0 && frameSeconds > messageTimeout && pendingBytes < frameSeconds * messageRateFloor) {
      this.#cut("slow_message", "a message comes too slowly: connection closed; see message_timeout");
    } else if ((now - this.#lastReadAt) / 1000 > idleTimeout) {
      this.#cut("idle", "connection closed after idle_timeout without data");
    }
  }

  /** Too many messages are under way, and this one began first. */
  giveWay(): void {
    this.#cut(
      "pending_limit",
      "too many unfinished messages: the connection of the oldest is closed; see pending_limit",
    );
  }

  async #resolveThenServe(hostNames: HostNames): Promise<void> {
    this.#socket.pause();
    this.#host = await hostNames.resolve(this.#address);
    if (!this.#socket.destroyed && !this.#isFinishing) this.#serve();
  }

  #serve(): void {
    const rules = this.#rules;
    const socket = this.#socket;
    this.#deliveries = new Deliveries({
      emitter: rules.emitter,
      counters: rules.counters,
      resends: rules.resends,
      limitBytes: rules.limits.unackedLimit,
      total: rules.unackedTotal,
      acknowledge: (acks) => this.#write((this.#session as ServerSession).encodeAcks(acks)),
      setFull: (isFull) => (isFull ? this.#pause("unacked") : this.#resume("unacked")),
      failed: (error, tag) => this.#emitFailed(error, tag),
    });
    this.#receiver = new Receiver({
      rules,
      host: this.#host,
      fields: this.#sourceFields(),
      deliveries: this.#deliveries,
      resends: rules.resends,
      logger: rules.logger,
      warnings: rules.warnings,
      counters: rules.counters,
      finish: () => this.#beginFinish(),
    });
    this.#session = new ServerSession({
      limits: rules.limits,
      security: rules.security,
      keepalive: !rules.denyKeepalive,
      address: this.#address,
      handler: this.#receiver,
      write: (bytes) => this.#write(bytes),
    });
    socket.on("data", (read) => this.#read(read));
    socket.on("end", () => this.#ended());
    socket.on("drain", () => this.#resume("unread acks"));
    if (rules.security) {
      const late = () => {
        rules.logins?.failed(this.#address);
        this.#cut("handshake_timeout", "no handshake in time: connection closed");
      };
      this.#cancelDeadline = rules.clock.after(rules.limits.handshakeTimeout * 1000, late);
    }
    rules.logger.trace("accepted fluent socket", { addr: this.#address, port: socket.remotePort });
    this.#session.start();
    socket.resume();
  }

  #sourceFields(): SourceFields | undefined {
    const { sourceAddressKey, sourceHostnameKey } = this.#rules;
    const values = new Map<string, string>();
    if (sourceAddressKey !== undefined) values.set(sourceAddressKey, this.#address);
    if (sourceHostnameKey !== undefined) values.set(sourceHostnameKey, this.#host);
    return values.size > 0 ? new SourceFields(values) : undefined;
  }

  #read(read: Buffer): void {
    if (this.#isFinishing) return;
    const session = this.#session as ServerSession;
    const { pendingBytes, messageCount, isEstablished } = session;
    this.#rules.counters.add("received_bytes", read.length);
    this.#lastReadAt = this.#rules.clock.monotonic();
    try {
      const wait = session.receive(read);
      if (!isEstablished && session.isEstablished) this.#loggedIn();
      const isNew = pendingBytes === 0 || session.messageCount > messageCount;
      if (isNew) this.#frameStartedAt = this.#lastReadAt;
      this.#rules.pendingMessages.set(this, session.heldBytes, isNew);
      if (wait) void this.#waitFor(wait);
    } catch (error) {
      this.#broken(error);
    }
  }

  #loggedIn(): void {
    this.#cancelDeadline();
    this.#rules.logins?.succeeded(this.#address);
  }

  async #waitFor(wait: Promise<void>): Promise<void> {
    this.#pause("decompressing");
    try {
      await wait;
    } catch (error) {
      this.#broken(error);
    }
    this.#resume("decompressing");
  }

  #ended(): void {
    if (this.#session?.pendingBytes) {
      this.#rules.counters.add("protocol_errors", 1, "incomplete_message");
      this.#rules.logger.debug("the peer ended within a message", { host: this.#host });
    }
    this.#beginFinish();
  }

  /** Bad bytes, or a client that may not send. Whole messages before them are still delivered. */
  #broken(error: unknown): void {
    const { counters, warnings } = this.#rules;
    const reason = error instanceof SuiroError ? error.code.toLowerCase() : "unexpected";
    counters.add("protocol_errors", 1, reason);
    if (this.#session?.isEstablished === false) this.#rules.logins?.failed(this.#address);
    if (!(error instanceof HandshakeError)) {
      const peer = { host: this.#host, port: this.#socket.remotePort };
      warnings.warn("unexpected error on reading data", { ...peer, error });
    }
    this.#receiver?.readEnd();
    this.#beginFinish();
  }

  #emitFailed(error: unknown, tag: string): void {
    this.#rules.warnings.warn("emit transaction failed:", { error, tag, host: this.#host });
    this.#rules.counters.add("protocol_errors", 1, "emit_failed");
    this.#beginFinish();
  }

  #cut(reason: string, message: string): void {
    this.#rules.counters.add("protocol_errors", 1, reason);
    this.#rules.warnings.warn(message, { host: this.#host });
    this.destroy();
  }

  #beginFinish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    this.#session?.close();
    this.#cancelDeadline();
    this.#socket.pause();
    void this.#endSocket();
  }

  async #endSocket(): Promise<void> {
    await this.#deliveries?.idle();
    const { clock, logger } = this.#rules;
    if (this.#socket.destroyed) return;
    this.#socket.end();
    // What the peer still sends is read and thrown away: closing on unread bytes would reset the connection, and the
    // reset could overtake the last acks.
    this.#socket.removeAllListeners("data");
    this.#socket.resume();
    this.#cancelDeadline = clock.after(CLOSE_GRACE_MS, () => {
      logger.debug("the peer did not end its side: connection dropped", { host: this.#host });
      this.destroy();
    });
  }

  #write(bytes: Buffer): void {
    if (!this.#socket.writable) return;
    this.#socket.write(bytes);
    if (this.#socket.writableLength > UNREAD_ACKS_LIMIT_BYTES) this.#pause("unread acks");
  }

  #pause(reason: Pause): void {
    this.#pauses.add(reason);
    this.#socket.pause();
  }

  #resume(reason: Pause): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0 || this.#isFinishing) return;
    this.#lastReadAt = this.#rules.clock.monotonic();
    this.#frameStartedAt = this.#lastReadAt;
    this.#socket.resume();
  }
}
