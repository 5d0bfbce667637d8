/** The `<store>` sections of an output that hands events to others. Source: fluentd 1.18 multi_output.rb. */

import type { ConfigElement } from "../config/element.ts";
import { ConfigError } from "../errors.ts";
import type { Lifecycle, Output, PluginContext } from "../plugin.ts";

/** Builds the outputs of `elements`, in order. Throws ConfigError when there is none, or one cannot be used. */
export function createStores(elements: readonly ConfigElement[], context: PluginContext): Output[] {
  if (elements.length === 0) throw new ConfigError("<store> section is required.", context.element.position);
  return elements.map((element) => {
    if (element.text("@type") === undefined && element.text("type") === undefined) {
      throw new ConfigError("Missing '@type' parameter in <store> section", element.position);
    }
    return context.createOutput(element);
  });
}

/** Starts and stops the stores with their owner. A failed start stops those that had started, and throws. */
export function storesLifecycle(stores: readonly Output[]): Lifecycle & Pick<Required<Output>, "flush"> {
  return {
    async start() {
      const started: Output[] = [];
      try {
        for (const store of stores) {
          await store.start();
          started.push(store);
        }
      } catch (error) {
        await Promise.allSettled(started.map((store) => store.stop(AbortSignal.abort())));
        throw error;
      }
    },
    async stop(deadline) {
      await Promise.allSettled(stores.map((store) => store.stop(deadline)));
    },
    async flush() {
      await Promise.all(stores.map((store) => store.flush?.()));
    },
  };
}
