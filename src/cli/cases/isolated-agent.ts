/**
 * An agent without the world: its sources read nothing, and its outputs keep what they get. Filters, labels and outputs
 * that pass events on are the real ones.
 */

import { hostname } from "node:os";
import { type Agent, createAgent } from "../../agent.ts";
import { systemClock } from "../../clock.ts";
import type { ConfigElement } from "../../config/element.ts";
import { ConfigError } from "../../errors.ts";
import type { EventStream } from "../../event/event-stream.ts";
import type { Logger } from "../../logger.ts";
import { PluginList } from "../../pipeline/plugin-list.ts";
import type { PluginContext, PluginDefinition } from "../../plugin.ts";

/** They only pass events on; buffers and networks are behind them. */
const PASSING = new Set(["copy", "roundrobin", "relabel", "rewrite_tag_filter", "detect_exceptions"]);

export interface KeptEvents {
  readonly tag: string;
  readonly events: EventStream;
}

export interface IsolatedAgent {
  readonly agent: Agent;
  /** Sources by `@id` or name. */
  readonly sources: ReadonlyMap<string, PluginContext>;
  /** What each output got, by `@id` or name. */
  readonly outputs: ReadonlyMap<string, KeptEvents[]>;
}

/** Throws ConfigError with the configuration's first error. */
export async function createIsolatedAgent(
  root: ConfigElement,
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Promise<IsolatedAgent> {
  const sources = new Map<string, PluginContext>();
  const outputs = new Map<string, KeptEvents[]>();
  const real = await PluginList.for(root);
  const plugins = new PluginList(real.definitions.map((definition) => isolated(definition, sources, outputs)));
  const { agent, problems } = createAgent(root, {
    clock: systemClock,
    logger,
    hostname: hostname(),
    environment,
    plugins,
  });
  if (!agent) throw problems.errors[0] ?? new ConfigError("the configuration cannot be used");
  return { agent, sources, outputs };
}

const idle = { async start(): Promise<void> {}, async stop(): Promise<void> {} };

function isolated(
  definition: PluginDefinition,
  sources: Map<string, PluginContext>,
  outputs: Map<string, KeptEvents[]>,
): PluginDefinition {
  const { type, table, kind } = definition;
  if (kind === "filter" || PASSING.has(type)) return definition;
  if (kind === "input") {
    return {
      kind,
      type,
      table,
      create: (_config: unknown, context: PluginContext) => {
        sources.set(context.id, context);
        return idle;
      },
    };
  }
  return {
    kind: "output",
    type,
    table,
    create: (_config: unknown, context: PluginContext) => {
      const kept: KeptEvents[] = [];
      outputs.set(context.id, kept);
      return { ...idle, emit: async (tag: string, events: EventStream) => void kept.push({ tag, events }) };
    },
  };
}
