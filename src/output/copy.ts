/**
 * `@type copy`: gives events to every `<store>`, one after the other: a store that refuses keeps the later ones from
 * getting events that the sender will bring again. `<store ignore_error>` may fail; `<store ignore_if_prev_success>`
 * is a fallback for the one before it. Source: fluentd 1.18 out_copy.rb.
 *
 * With `ack_after delivered` all stores get them at once: the receiver of one may be away for hours.
 */

import { bool, enumeration } from "../config/literals.ts";
import { type ConfigOf, raw, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import type { Origin } from "../event/origin.ts";
import type { Output, OutputDefinition } from "../plugin.ts";
import { createStores, storesLifecycle } from "./stores.ts";

const table = section(
  {
    copy_mode: enumeration("no_copy", "shallow", "deep", "marshal").default(
      "Accepted; streams never change, so that no store can touch the records of another.",
      "no_copy",
    ),
    deep_copy: bool.default("Accepted, as copy_mode is.", false),
  },
  { store: raw },
);

interface Store {
  readonly output: Output;
  /** For messages: its `@id`, or its type. */
  readonly name: string;
  readonly ignoresError: boolean;
  readonly isFallback: boolean;
}

export const copyOutput: OutputDefinition<ConfigOf<typeof table>> = {
  type: "copy",
  kind: "output",
  passesOn: true,
  table,
  create(config, context) {
    const outputs = createStores(config.store, context);
    const stores: Store[] = outputs.map((output, index) => {
      const element = config.store[index] as (typeof config.store)[number];
      const { argument, position } = element;
      const name = element.text("@id") ?? element.text("@type") ?? "store";
      const isFallback = argument.includes("ignore_if_prev_success");
      if (isFallback && index === 0) {
        throw new ConfigError("ignore_if_prev_success must specify 2nd or later <store> directives", position);
      }
      return { output, name, ignoresError: argument.includes("ignore_error"), isFallback };
    });
    if (stores.length > 1 && stores.every((store) => store.ignoresError && !store.isFallback)) {
      context.logger.warn(
        "ignore_errors are specified in all <store>, but ignore_if_prev_success is not specified. Is this intended?",
      );
    }
    const hasFallback = stores.some(({ isFallback }) => isFallback);
    /** Gives its share of the events to one store. Whether it took them; throws where its errors are not ignored. */
    const give = async (index: number, tag: string, shares: readonly EventStream[], origin: Origin | undefined) => {
      const { output, name, ignoresError } = stores[index] as Store;
      const events = shares[index] as EventStream;
      if (index > 0) origin?.ledger?.book("copied", events.size);
      try {
        await output.emit(tag, events, origin?.part(index, stores.length));
        return true;
      } catch (error) {
        if (!ignoresError) throw error;
        context.logger.error(`ignore emit error in ${name}`, { error, tag });
        context.counters.add("dropped_events", events.size, "ignore_error");
        origin?.ledger?.book("dropped/ignore_error", events.size);
        return false;
      }
    };
    const giveToAll = async (tag: string, events: EventStream, origin: Origin): Promise<void> => {
      const shares = events.shares(stores.length);
      const results = await Promise.allSettled(stores.map((_, index) => give(index, tag, shares, origin)));
      const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
      if (errors.length === 0) return;
      origin.ledger?.book("copied", -events.size * (errors.length - 1));
      throw errors[0];
    };
    return {
      ...storesLifecycle(outputs),
      async emit(tag, events, origin) {
        if (origin?.ackAfter === "delivered" && !hasFallback) return giveToAll(tag, events, origin);
        const shares = events.shares(stores.length);
        let previousSucceeded = false;
        for (const [index, store] of stores.entries()) {
          const isSpared: boolean = store.isFallback && previousSucceeded;
          if (isSpared) shares[index]?.release();
          previousSucceeded = !isSpared && (await give(index, tag, shares, origin));
        }
      },
    };
  },
};
