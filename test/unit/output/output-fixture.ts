import type { Chunk } from "../../../src/buffer/chunk.ts";
import { readPlain } from "../../../src/buffer/compression.ts";
import { Holdings } from "../../../src/buffer/holdings.ts";
import { ConfigElement } from "../../../src/config/element.ts";
import { readSectionOrThrow, section } from "../../../src/config/parameters.ts";
import { systemTable } from "../../../src/config/system.ts";
import { Counters } from "../../../src/counters.ts";
import {
  type BufferedOutput,
  type BufferedOutputEnvironment,
  createBufferedOutput,
} from "../../../src/output/buffered-output.ts";
import {
  type BufferedConfig,
  bufferedParameters,
  bufferedSections,
} from "../../../src/output/buffered-output-parameters.ts";
import type {
  BufferDefaults,
  BufferedOutputDefinition,
  ChunkWriter,
  Delivery,
  PluginContext,
} from "../../../src/plugin.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { NO_AGENT } from "../../support/plugin-context.ts";
import { bytesOf, keepingLogger, type LogLine, messagesIn } from "../buffer/buffer-fixture.ts";

/** A destination that keeps what it gets, and does what the test says with each chunk. */
export class KeepingWriter implements ChunkWriter {
  readonly delivered: unknown[][] = [];
  readonly attempts: { chunk: Chunk; delivery: Delivery; tag: string | undefined }[] = [];
  /** Runs before a chunk is taken; throws what the destination answers. */
  behave: (chunk: Chunk, delivery: Delivery) => Promise<void> | void = () => {};
  stops = 0;

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.stops += 1;
  }

  async write(chunk: Chunk, delivery: Delivery): Promise<void> {
    this.attempts.push({ chunk, delivery, tag: chunk.metadata.tag });
    const messages = messagesIn(await bytesOf(readPlain(chunk)));
    await this.behave(chunk, delivery);
    this.delivered.push(messages);
  }

  get ids(): string[] {
    return this.attempts.map(({ chunk }) => chunk.id.toString("hex"));
  }
}

const position = { file: "test.conf", line: 1 };

/** An element from `key value` lines and children. */
export function element(
  name: string,
  argument: string,
  values: Record<string, string>,
  children: ConfigElement[] = [],
): ConfigElement {
  const parameters = Object.entries(values).map(([key, value]) => ({ key, value, position }));
  return new ConfigElement(name, argument, position, parameters, children);
}

export interface OutputFixture {
  readonly output: BufferedOutput;
  readonly writer: KeepingWriter;
  readonly secondary: KeepingWriter;
  readonly clock: ManualClock;
  readonly counters: Counters;
  readonly lines: LogLine[];
  /** Lines at warn and above. */
  messages(): string[];
}

export interface OutputFixtureOptions {
  readonly flat?: Record<string, string>;
  /** Parameters of `<buffer>`; absent means no section. */
  readonly buffer?: Record<string, string>;
  readonly keys?: string;
  readonly secondary?: Record<string, string>;
  readonly defaults?: BufferDefaults;
  readonly environment?: BufferedOutputEnvironment;
  readonly system?: PluginContext["system"];
}

export function systemConfig(values: Record<string, string> = {}): PluginContext["system"] {
  return readSectionOrThrow(systemTable, element("system", "", values));
}

export function createOutput(options: OutputFixtureOptions): OutputFixture {
  const { buffer, flat = {}, keys = "", secondary: secondaryValues } = options;
  const children: ConfigElement[] = [];
  if (buffer) children.push(element("buffer", keys, buffer));
  if (secondaryValues) children.push(element("secondary", "", secondaryValues));
  const match = element("match", "**", { "@type": "keeping", ...flat }, children);
  const clock = new ManualClock();
  const lines: LogLine[] = [];
  const counters = new Counters();
  const unused = () => {
    throw new Error("not used here");
  };
  const context: PluginContext = {
    id: "keeping:1",
    hasGivenId: false,
    element: match,
    logger: keepingLogger(lines),
    clock,
    counters,
    system: options.system ?? systemConfig(),
    emitter: { emit: unused },
    labelEmitter: unused,
    ...NO_AGENT,
    holdings: new Holdings(),
    emitErrors: unused,
    createOutput: unused,
  };
  const writer = new KeepingWriter();
  const secondary = new KeepingWriter();
  const table = section(bufferedParameters, bufferedSections);
  const definition: BufferedOutputDefinition<BufferedConfig> = {
    kind: "buffered-output",
    type: "keeping",
    table,
    buffer: options.defaults ?? { chunkKeys: ["tag"], type: "memory" },
    createWriter: () => writer,
  };
  const config = readSectionOrThrow(table, match);
  const output = createBufferedOutput(definition, config, context, () => secondary, {
    random: () => 0.5,
    ...options.environment,
  });
  const messages = () =>
    lines.filter(({ level }) => level === "warn" || level === "error").map(({ message }) => message);
  return { output, writer, secondary, clock, counters, lines, messages };
}
