/** The `<store>` sections of an output that hands events to others. Source: fluentd 1.18 multi_output.rb. */

import type { ConfigElement } from "../config/element.ts";
import { ConfigError } from "../errors.ts";
import type { Lifecycle, Output, PluginContext } from "../plugin.ts";

/**
 * Builds the outputs of `elements`, in order. Throws ConfigError when there is none or one cannot be used, and
 * AggregateError of what is wrong with each where several cannot.
 */
export function createStores(elements: readonly ConfigElement[], context: PluginContext): Output[] {
  if (elements.length === 0) throw new ConfigError("<store> section is required.", context.element.position);
  const errors: unknown[] = [];
  const outputs = elements.flatMap((element) => {
    try {
      return createStore(element, context);
    } catch (error) {
      errors.push(error);
      return [];
    }
  });
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  return outputs;
}

function createStore(element: ConfigElement, context: PluginContext): Output {
  if (element.text("@type") === undefined && element.text("type") === undefined) {
    throw new ConfigError("Missing '@type' parameter in <store> section", element.position);
  }
  return context.createOutput(element);
}

/** Starts and stops the stores with their owner. A failed start stops those that had started, and throws. */
export function storesLifecycle(
  stores: readonly Output[],
): Lifecycle & Pick<Required<Output>, "flush" | "keepsUndelivered"> {
  return {
    keepsUndelivered: stores.every((store) => store.keepsUndelivered ?? false),
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
