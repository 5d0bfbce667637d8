/** `@type stdout`: shows the events that pass, and passes them on as they are. Source: fluentd 1.18 filter_stdout.rb. */

import type { Writable } from "node:stream";
import { type ConfigOf, section } from "../config/parameters.ts";
import { formatEvents } from "../formatter/formatter.ts";
import { createFormatter, formatParameters, formatSections } from "../formatter/formatter-list.ts";
import { injection } from "../formatter/inject.ts";
import type { FilterDefinition } from "../plugin.ts";
import { idle } from "./event-loop.ts";

const table = section(formatParameters, formatSections);

/** Text that waits for a slow reader of standard output; beyond it lines are left out and counted, the events pass. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

/** The filter as it writes to `stream`; `stdoutFilter` writes to the process's own. */
export function stdoutFilterTo(stream: Writable): FilterDefinition<ConfigOf<typeof table>> {
  return {
    type: "stdout",
    kind: "filter",
    table,
    create(config, context) {
      const formatter = createFormatter(config.element, "stdout", context.logger);
      const inject = injection(config, context.system.workerId);
      let hasWarned = false;
      return {
        ...idle,
        filter(tag, events) {
          if (stream.writableLength < MAX_WAITING_BYTES) {
            stream.write(formatEvents(formatter, tag, inject ? inject(tag, events) : events), () => {});
          } else if (!hasWarned) {
            hasWarned = true;
            context.logger.warn("standard output is not read fast enough: events are left out of it, and pass on");
          }
          return events;
        },
      };
    },
  };
}

export const stdoutFilter = stdoutFilterTo(process.stdout);
