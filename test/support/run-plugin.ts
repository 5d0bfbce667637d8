/** Runs one of Suiro's filters or outputs on entries, in the form of `askPlugins`. */

import { Problems, readSection } from "../../src/config/parameters.ts";
import { EventStream } from "../../src/event/event-stream.ts";
import { PluginList } from "../../src/pipeline/plugin-list.ts";
import type { FailedEvent, OutputDefinition } from "../../src/plugin.ts";
import { type PluginCase, type PluginResult, showEntries } from "./fluentd-plugins.ts";
import { parsedElement } from "./parsed-config.ts";
import { pluginContext, type TestContext } from "./plugin-context.ts";

export interface RunningPlugin {
  readonly context: TestContext;
  readonly result: PluginResult;
  /** Hands over one batch. */
  give(tag: string, entries: Buffer): Promise<void>;
  stop(): Promise<void>;
}

/** Creates and starts the plugin. Throws ConfigError. */
export async function startPlugin({ kind, type, config }: Omit<PluginCase, "batches">): Promise<RunningPlugin> {
  const element = parsedElement(
    `<${kind === "filter" ? "filter" : "match"} **>\n@type ${type}\n${config}\n</${kind === "filter" ? "filter" : "match"}>`,
  );
  const result: PluginResult = { events: [], errors: [] };
  const emitter = {
    emit: async (tag: string, events: EventStream) => void result.events.push(...showEntries(tag, events.packed)),
  };
  const context = {
    ...pluginContext(element),
    emitter,
    labelEmitter: () => emitter,
    emitErrors: async (tag: string, failed: readonly FailedEvent[]) =>
      void result.errors.push(...failed.flatMap(({ entry }) => showEntries(tag, entry))),
  } as unknown as TestContext;
  const list = await PluginList.load(new Set([type]));
  const problems = new Problems();
  if (kind === "filter") {
    const definition = list.filter(type, element.position);
    const filter = definition.create(readSection(definition.table, element, problems), context);
    if (problems.errors[0]) throw problems.errors[0];
    await filter.start();
    return {
      context,
      result,
      async give(tag, entries) {
        const out = await filter.filter(tag, new EventStream(entries, showEntries(tag, entries).length));
        const shown = showEntries(tag, out.packed);
        if (shown.length !== out.size) throw new Error(`${out.size} events said, ${shown.length} there`);
        result.events.push(...shown);
      },
      stop: () => filter.stop(AbortSignal.timeout(1000)),
    };
  }
  const definition = list.output(type, false, element.position) as OutputDefinition<any>;
  const output = definition.create(readSection(definition.table, element, problems), context);
  if (problems.errors[0]) throw problems.errors[0];
  await output.start();
  return {
    context,
    result,
    give: (tag, entries) => output.emit(tag, new EventStream(entries, showEntries(tag, entries).length)),
    stop: () => output.stop(AbortSignal.timeout(1000)),
  };
}

/** What the plugin makes of all batches until it is stopped. */
export async function runPlugin(given: PluginCase): Promise<PluginResult> {
  const plugin = await startPlugin(given);
  for (const [tag, entries] of given.batches) await plugin.give(tag, entries);
  await plugin.stop();
  return plugin.result;
}
