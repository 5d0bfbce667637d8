/** An agent whose plugins write down what is done with them. */

import { type AgentSeams, createAgent } from "../../src/agent.ts";
import { section } from "../../src/config/parameters.ts";
import { EventStream } from "../../src/event/event-stream.ts";
import { EventTime } from "../../src/event/event-time.ts";
import { PluginList } from "../../src/pipeline/plugin-list.ts";
import type { FilterDefinition, InputDefinition, OutputDefinition, PluginContext } from "../../src/plugin.ts";
import { CollectingEmitter } from "../support/collecting-emitter.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { parsedConfig } from "../support/parsed-config.ts";

const table = section({});
const builtIn = await PluginList.load();
export const events = EventStream.fromEvents([{ time: new EventTime(1, 0), record: { a: 1 } }]);

/** Plugins that write down what is done with them, by id. */
function probes() {
  const calls: string[] = [];
  const contexts = new Map<string, PluginContext>();
  const outputs = new Map<string, CollectingEmitter>();
  const failing = new Set<string>();
  const hanging = new Set<string>();
  const lifecycle = (context: PluginContext) => {
    contexts.set(context.id, context);
    return {
      start: async () => {
        if (failing.has(context.id)) throw new Error(`${context.id} cannot start`);
        calls.push(`+${context.id}`);
      },
      stop: (): Promise<void> => {
        calls.push(`-${context.id}`);
        return hanging.has(context.id) ? new Promise(() => {}) : Promise.resolve();
      },
    };
  };
  const input: InputDefinition = { type: "probe", kind: "input", table, create: (_, context) => lifecycle(context) };
  const filter: FilterDefinition = {
    type: "probe",
    kind: "filter",
    table,
    create: (_, context) => ({ ...lifecycle(context), filter: (_tag, stream) => stream }),
  };
  const output: OutputDefinition = {
    type: "probe",
    kind: "output",
    table,
    create(_, context) {
      const collector = new CollectingEmitter();
      outputs.set(context.id, collector);
      return {
        ...lifecycle(context),
        emit: (tag, stream) => collector.emit(tag, stream),
        flush: async () => void calls.push(`flush ${context.id}`),
      };
    },
  };
  return {
    calls,
    contexts,
    outputs,
    failing,
    hanging,
    plugins: new PluginList([...builtIn.definitions, input, filter, output]),
  };
}

/** Builds, but does not start. With `previous` the agent is to take over from that one, and shares what it notes. */
export function setUp(text: string, more: Partial<AgentSeams> = {}, probe = probes()) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const created = createAgent(parsedConfig(text), {
    clock,
    logger: log,
    hostname: "h",
    environment: {},
    plugins: probe.plugins,
    ...more,
  });
  const { problems } = created;
  const emit = (id: string, tag: string) => (probe.contexts.get(id) as PluginContext).emitter.emit(tag, events);
  const tags = (id: string) => probe.outputs.get(id)?.tags;
  return { ...probe, probe, ...created, clock, log, emit, tags, errors: problems.errors.map(({ message }) => message) };
}

export const plugin = (directive: string, id: string, argument = "", more = "") =>
  `<${directive}${argument && ` ${argument}`}>\n@type probe\n@id ${id}\n${more}\n</${directive}>\n`;
