/**
 * `@type stdout`: one line per event, `2026-11-22 17:13:53.000000000 +0000 tag: {"json":1}`. Without `<buffer>` the
 * events are written when `emit` resolves. Source: fluentd 1.18 out_stdout.rb and formatter_stdout.rb.
 */

import type { Writable } from "node:stream";
import { readPlain } from "../buffer/compression.ts";
import type { ConfigElement } from "../config/element.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { NetworkError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import { formatEvents } from "../formatter/formatter.ts";
import { createFormatter, endedByNewline, formatParameters, formatSections } from "../formatter/formatter-list.ts";
import { type InjectConfig, injection } from "../formatter/inject.ts";
import type { BufferedOutputDefinition, OutputDefinition, PluginContext } from "../plugin.ts";
import { bufferedParameters, bufferedSections } from "./buffered-output-parameters.ts";

const table = section(formatParameters, formatSections);
const bufferedTable = section(
  { ...bufferedParameters, ...formatParameters },
  { ...bufferedSections, ...formatSections },
);

/** The output as it writes to `stream`; `stdoutOutput` writes to the process's own. */
export function stdoutOutputTo(stream: Writable): OutputDefinition<ConfigOf<typeof table>> {
  return {
    type: "stdout",
    kind: "output",
    table,
    create(config, context) {
      const format = lineFormat(config, context);
      return {
        start: async () => survivesErrors(stream),
        async emit(tag, events) {
          await write(stream, format(tag, events));
          context.counters.add("delivered_events", events.size);
          events.release();
        },
        async stop() {},
      };
    },
  };
}

/** The same behind a `<buffer>`, and as a `<secondary>`. */
export function bufferedStdoutOutputTo(stream: Writable): BufferedOutputDefinition<ConfigOf<typeof bufferedTable>> {
  return {
    type: "stdout",
    kind: "buffered-output",
    table: bufferedTable,
    buffer: { chunkKeys: ["tag"], type: "memory" },
    createWriter(config, context) {
      return {
        start: async () => survivesErrors(stream),
        format: lineFormat(config, context),
        async write(chunk) {
          for await (const block of readPlain(chunk)) await write(stream, block);
        },
        async stop() {},
      };
    },
  };
}

export const stdoutOutput = stdoutOutputTo(process.stdout);
export const bufferedStdoutOutput = bufferedStdoutOutputTo(process.stdout);

function lineFormat(config: { inject: InjectConfig | undefined; element: ConfigElement }, context: PluginContext) {
  const formatter = endedByNewline(createFormatter(config.element, "stdout", context.logger));
  const inject = injection(config, context.system.workerId);
  return (tag: string, events: EventStream) => formatEvents(formatter, tag, inject ? inject(tag, events) : events);
}

/** Resolves when the stream has taken the bytes. Throws NetworkError when its reader is gone. */
function write(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (cause) => {
      if (cause) reject(new NetworkError(`standard output cannot be written: ${cause.message}`, { cause }));
      else resolve();
    });
  });
}

const guarded = new WeakSet<Writable>();

/** A reader that goes away shows as an error of each write; as an unheard event it would end the process. */
function survivesErrors(stream: Writable): void {
  if (guarded.has(stream)) return;
  guarded.add(stream);
  stream.on("error", () => {});
}
