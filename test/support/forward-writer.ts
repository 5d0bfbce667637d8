/** out_forward's writer, made from configuration as the agent makes it. */

import type { TestContext } from "node:test";
import type { Chunk } from "../../src/buffer/chunk.ts";
import { Holdings } from "../../src/buffer/holdings.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { ConfigElement } from "../../src/config/element.ts";
import { readSectionOrThrow } from "../../src/config/parameters.ts";
import { systemTable } from "../../src/config/system.ts";
import { Counters } from "../../src/counters.ts";
import { createLogger, type LogFields, type LogLevel } from "../../src/logger.ts";
import { type ForwardWriter, forwardOutput } from "../../src/output/forward/forward.ts";
import type { PluginContext } from "../../src/plugin.ts";
import { quietDelivery } from "./delivery.ts";
import { NO_AGENT } from "./plugin-context.ts";

export type Values = Readonly<Record<string, string | number | boolean>>;
export type Sections = readonly (readonly [name: string, values: Values, sections?: Sections])[];

export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A section of configuration from values, without a text. */
export function element(name: string, values: Values = {}, sections: Sections = []): ConfigElement {
  const position = { file: "test.conf", line: 1 };
  const parameters = Object.entries(values).map(([key, value]) => ({ key, value: String(value), position }));
  const children = sections.map(([child, childValues, nested]) => element(child, childValues, nested));
  return new ConfigElement(name, "", position, parameters, children);
}

export interface TestWriter {
  readonly writer: ForwardWriter;
  readonly log: readonly LoggedLine[];
  readonly counters: Counters;
  /** Delivers a chunk; `sent` tells when the buffer would have its flush slot back. */
  write(chunk: Chunk, signal?: AbortSignal): Promise<void> & { readonly sent: Promise<void> };
}

/** Not started. Throws ConfigError. */
export function createForwardWriter(values: Values, sections: Sections, clock: Clock = systemClock): TestWriter {
  const log: LoggedLine[] = [];
  const counters = new Counters();
  const tap = (level: LogLevel, message: string, fields: LogFields) => void log.push({ level, message, fields });
  const section = element("match", values, sections);
  const unused = () => {
    throw new Error("not for a writer");
  };
  const context: PluginContext = {
    id: "test",
    hasGivenId: true,
    element: section,
    logger: createLogger({ level: "trace", format: "json", write: () => {}, tap }),
    clock,
    counters,
    system: readSectionOrThrow(systemTable, element("system")),
    emitter: { emit: unused },
    labelEmitter: unused,
    ...NO_AGENT,
    holdings: new Holdings(),
    emitErrors: unused,
    createOutput: unused,
  };
  const config = readSectionOrThrow(forwardOutput.table, section);
  const writer = forwardOutput.createWriter(config, context) as ForwardWriter;
  return {
    writer,
    log,
    counters,
    write(chunk, signal = new AbortController().signal) {
      let markSent = () => {};
      const sent = new Promise<void>((resolve) => {
        markSent = resolve;
      });
      const written = writer.write(chunk, quietDelivery({ sent: markSent, signal }));
      return Object.assign(written, { sent });
    },
  };
}

/** Started, and stopped when the test ends. `heartbeat_type none` unless given. */
export async function startForwardWriter(
  context: TestContext,
  values: Values,
  sections: Sections,
  clock: Clock = systemClock,
): Promise<TestWriter> {
  const made = createForwardWriter({ heartbeat_type: "none", ...values }, sections, clock);
  await made.writer.start();
  context.after(() => made.writer.stop(AbortSignal.abort()));
  return made;
}

/** A `<server>` on loopback. */
export const server = (port: number, values: Values = {}): Sections[number] => [
  "server",
  { host: "127.0.0.1", port, ...values },
];
