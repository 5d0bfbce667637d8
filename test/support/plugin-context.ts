/** What a plugin is given, for tests that create one without a pipeline. */

import { Holdings } from "../../src/buffer/holdings.ts";
import type { ConfigElement } from "../../src/config/element.ts";
import { readSectionOrThrow } from "../../src/config/parameters.ts";
import { systemTable } from "../../src/config/system.ts";
import { Counters } from "../../src/counters.ts";
import type { Output, PluginContext } from "../../src/plugin.ts";
import { CollectingEmitter } from "./collecting-emitter.ts";
import { configElement } from "./config-section.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryLog } from "./memory-log.ts";

export interface TestContext extends PluginContext {
  readonly emitter: CollectingEmitter;
  readonly logger: MemoryLog;
  readonly clock: ManualClock;
}

/** What a plugin is told of an agent that it is no part of. */
export const NO_AGENT: Pick<PluginContext, "plugins" | "outputsOf" | "process"> = {
  plugins: () => [],
  outputsOf: () => [],
  process: {
    version: "1.18.0",
    ownVersion: "0.1.0",
    hostname: "test-host",
    configPath: undefined,
    pidFile: undefined,
    pluginFolders: [],
    logPath: undefined,
  },
};

/** Outputs inside are built by `createOutput`, which fails unless given. */
export function pluginContext(element: ConfigElement, createOutput?: (element: ConfigElement) => Output): TestContext {
  const emitter = new CollectingEmitter();
  return {
    id: "test_1",
    hasGivenId: false,
    element,
    logger: new MemoryLog(),
    clock: new ManualClock(),
    counters: new Counters(),
    system: readSectionOrThrow(systemTable, configElement("system", "", {})),
    emitter,
    labelEmitter: () => emitter,
    emitErrors: async () => {},
    ...NO_AGENT,
    holdings: new Holdings(),
    createOutput:
      createOutput ??
      (() => {
        throw new Error("no outputs inside here");
      }),
  };
}
