/** The receiving side of one connection of the Forward protocol, without its socket. */

import type { Counters } from "../../src/counters.ts";
import { ServerSession } from "../../src/forward-protocol/server-session.ts";
import { Deliveries, UnackedTotal } from "../../src/input/forward/deliveries.ts";
import { DEFAULT_LIMITS } from "../../src/input/forward/limits.ts";
import { Receiver } from "../../src/input/forward/receiver.ts";
import type { Resends } from "../../src/input/forward/resends.ts";
import { TagRule } from "../../src/input/forward/tag-rule.ts";
import { silentLogger } from "../../src/logger.ts";
import type { Emitter } from "../../src/plugin.ts";
import { RareWarnings } from "../../src/rare-warnings.ts";
import { ManualClock } from "./manual-clock.ts";

export interface ReceivingSideOptions {
  readonly emitter: Emitter;
  readonly counters: Counters;
  readonly resends?: Resends;
  readonly clock?: ManualClock;
}

/** `acks` are the acks as they are written. */
export function createReceivingSide({ emitter, counters, resends, clock = new ManualClock() }: ReceivingSideOptions) {
  const acks: Buffer[] = [];
  const deliveries = new Deliveries({
    emitter,
    counters,
    resends,
    limitBytes: 1e9,
    total: new UnackedTotal(1e9),
    acknowledge: (written) => acks.push(session.encodeAcks(written)),
    setFull: () => {},
    failed: (error) => {
      throw error;
    },
  });
  const receiver = new Receiver({
    rules: {
      tagRule: new TagRule(undefined, undefined),
      chunkSizeLimit: undefined,
      chunkSizeWarnLimit: undefined,
      limits: DEFAULT_LIMITS,
      denyKeepalive: false,
      floatTimes: "convert",
      now: clock.now,
    },
    host: "test",
    fields: undefined,
    deliveries,
    resends,
    logger: silentLogger,
    warnings: new RareWarnings(silentLogger, clock),
    counters,
    finish: () => {},
  });
  const session = new ServerSession({
    limits: DEFAULT_LIMITS,
    security: undefined,
    keepalive: true,
    address: "10.0.0.7",
    handler: receiver,
    write: () => {},
  });
  return { session, receiver, deliveries, acks };
}
