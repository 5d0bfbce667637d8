/** `@type relabel`: sends events to the label of `@label`. Source: fluentd 1.18 out_relabel.rb. */

import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import type { OutputDefinition } from "../plugin.ts";

const table = section({});

export const relabelOutput: OutputDefinition<ConfigOf<typeof table>> = {
  type: "relabel",
  kind: "output",
  passesOn: true,
  table,
  create(config, { emitter }) {
    if (!config.element.text("@label")) {
      throw new ConfigError("'@label' parameter is required: the label to send events to", config.element.position);
    }
    return {
      async start() {},
      emit: (tag, events, origin) => emitter.emit(tag, events, origin),
      async stop() {},
    };
  },
};
