/** `@type null`: events end here. Source: fluentd 1.18 out_null.rb. */

import { bool } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { SuiroError } from "../errors.ts";
import type { BufferedOutputDefinition, OutputDefinition } from "../plugin.ts";
import { bufferedParameters, bufferedSections } from "./buffered-output-parameters.ts";

const parameters = { never_flush: bool.default("Fail every time, to try out what happens then.", false) };
const table = section(parameters);
const bufferedTable = section({ ...bufferedParameters, ...parameters }, bufferedSections);

const DONE = Promise.resolve();
const NEVER = () => Promise.reject(new SuiroError("NETWORK", "failed to flush: never_flush is set"));

export const nullOutput: OutputDefinition<ConfigOf<typeof table>> = {
  type: "null",
  kind: "output",
  table,
  create: ({ neverFlush }, { counters }) => ({
    async start() {},
    emit(_tag, events) {
      if (neverFlush) return NEVER();
      counters.add("delivered_events", events.size);
      events.release();
      return DONE;
    },
    async stop() {},
  }),
};

/** The same behind a `<buffer>`. */
export const bufferedNullOutput: BufferedOutputDefinition<ConfigOf<typeof bufferedTable>> = {
  type: "null",
  kind: "buffered-output",
  table: bufferedTable,
  buffer: { chunkKeys: ["tag"], type: "memory" },
  createWriter: ({ neverFlush }) => ({
    async start() {},
    write: () => (neverFlush ? NEVER() : DONE),
    async stop() {},
  }),
};
