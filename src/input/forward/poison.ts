/**
 * What becomes of messages that no retry can mend: too large, nested too deeply, undecodable, events that are none. They
 * go to the quarantine, and are acked once they are on disk; unacked, their sender would send them again for ever. Where
 * they cannot be kept nothing is acked, so that nothing is lost.
 */

import type { Quarantine, QuarantinedMessage } from "../../buffer/quarantine.ts";
import type { Counters } from "../../counters.ts";
import { errorMessage, type SuiroError } from "../../errors.ts";
import type { FrameSink } from "../../forward-protocol/server-session.ts";
import type { RareWarnings } from "../../rare-warnings.ts";

const KEPT = "a message that can never be delivered is in quarantine: see todo in the file beside it";
const NOT_KEPT =
  "a message that can never be delivered is refused, and its sender will come again with it: there is no room in " +
  "quarantine (see quarantine_size_limit), or its folder cannot be used";

export interface PoisonOptions {
  /** Absent: nothing is kept. */
  readonly quarantine: Quarantine | undefined;
  /** Name or address of the sender. */
  readonly host: string;
  readonly counters: Counters;
  readonly warnings: RareWarnings;
}

export class Poison {
  readonly #options: PoisonOptions;

  constructor(options: PoisonOptions) {
    this.#options = options;
  }

  get isKept(): boolean {
    return this.#options.quarantine !== undefined;
  }

  /** Keeps a whole message, whose bytes must not change before this settles. False when it is not kept. */
  async keep(bytes: Buffer, reason: string, error: string, tag?: string): Promise<boolean> {
    const { quarantine, host } = this.#options;
    if (!quarantine) return false;
    try {
      const path = await quarantine.keep(bytes, { reason, error, tag, host });
      if (path === undefined) return this.#notKept(reason);
      this.#kept(path, reason, error, bytes.length);
      return true;
    } catch (failure) {
      return this.#notKept(reason, failure);
    }
  }

  /** Keeps a message whose events were counted already, where there is room. */
  async keepCopy(bytes: Buffer, reason: string, error: string, tag?: string): Promise<void> {
    const { quarantine, host, warnings } = this.#options;
    const path = await quarantine?.keep(bytes, { reason, error, tag, host }).catch(() => undefined);
    if (path !== undefined) warnings.error(KEPT, { path, reason, host, tag });
  }

  /** Takes a message that is too large to be held. Undefined when it cannot be kept. `done` gets its option. */
  async begin(refusal: SuiroError, done: (option: Buffer) => void): Promise<FrameSink | undefined> {
    const { quarantine } = this.#options;
    if (!quarantine) return undefined;
    const reason = refusal.code.toLowerCase();
    let message: QuarantinedMessage | undefined;
    try {
      message = await quarantine.begin();
    } catch (error) {
      this.#notKept(reason, error);
      return undefined;
    }
    if (!message) {
      this.#notKept(reason);
      return undefined;
    }
    return this.#sink(message, refusal, reason, done);
  }

  #sink(message: QuarantinedMessage, refusal: SuiroError, reason: string, done: (option: Buffer) => void): FrameSink {
    const { host } = this.#options;
    return {
      write: async (bytes, declaredBytes) => {
        if (!message.reserve(Math.max(declaredBytes, message.byteSize + bytes.length))) return this.#notKept(reason);
        try {
          await message.write(bytes);
          return true;
        } catch (error) {
          return this.#notKept(reason, error);
        }
      },
      end: async (option) => {
        const error = refusal.message;
        this.#kept(await message.keep({ reason, error, host }), reason, error, message.byteSize);
        done(option);
      },
      abort: () => void message.discard(),
    };
  }

  #kept(path: string, reason: string, error: string, bytes: number): void {
    const { counters, host, warnings } = this.#options;
    counters.add("received_events");
    counters.add("dropped_events", 1, "quarantined");
    counters.add("protocol_errors", 1, reason);
    warnings.error(KEPT, { path, reason, error, host, bytes });
  }

  #notKept(reason: string, failure?: unknown): false {
    const { host, quarantine, warnings } = this.#options;
    const error = failure === undefined ? {} : { error: errorMessage(failure) };
    warnings.error(NOT_KEPT, { folder: quarantine?.folder, reason, host, ...error });
    return false;
  }
}
