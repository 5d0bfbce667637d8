/** Runs the forward input alone: its configuration given as values, its events collected, its log kept. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Holdings } from "../../src/buffer/holdings.ts";
import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import { ConfigElement } from "../../src/config/element.ts";
import { Problems, readSection } from "../../src/config/parameters.ts";
import { systemTable } from "../../src/config/system.ts";
import { Counters } from "../../src/counters.ts";
import { forwardInput } from "../../src/input/forward.ts";
import { createLogger } from "../../src/logger.ts";
import type { Emitter, Input, PluginContext } from "../../src/plugin.ts";
import { CollectingEmitter } from "./collecting-emitter.ts";
import { NO_AGENT } from "./plugin-context.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const position = { file: "test.conf", line: 1 };

/** A section from plain values: `section("user", { username: "alice" })`. */
export function configElement(
  name: string,
  values: Readonly<Record<string, string>> = {},
  children: ConfigElement[] = [],
  argument = "",
): ConfigElement {
  const parameters = Object.entries(values).map(([key, value]) => ({ key, value, position }));
  return new ConfigElement(name, argument, position, parameters, children);
}

export interface RunningInput {
  readonly input: Input;
  readonly port: number;
  readonly emitter: CollectingEmitter;
  readonly counters: Counters;
  /** Log lines, JSON. */
  readonly log: string[];
  /** Opens a connection that is destroyed when the test ends. */
  connect(options?: { allowHalfOpen?: boolean }): Promise<TestPeer>;
}

export interface InputSetup {
  readonly values?: Readonly<Record<string, string>>;
  readonly children?: ConfigElement[];
  readonly clock?: Clock;
  readonly emitter?: Emitter;
}

/** Creates the input; throws what a start of the agent would report. */
export function createForwardInput(setup: InputSetup = {}) {
  const defaults = { port: "0", bind: "127.0.0.1", quarantine_path: join(temporaryFolder(), "quarantine") };
  const element = configElement("source", { ...defaults, ...setup.values }, setup.children);
  const problems = new Problems();
  const config = readSection(forwardInput.table, element, problems);
  if (problems.errors[0]) throw problems.errors[0];
  const emitter = new CollectingEmitter();
  const counters = new Counters();
  const log: string[] = [];
  const context: PluginContext = {
    id: "forward",
    hasGivenId: false,
    element,
    logger: createLogger({ level: "debug", format: "json", write: (line) => log.push(line) }),
    clock: setup.clock ?? systemClock,
    counters,
    system: readSection(systemTable, configElement("system"), problems),
    emitter: setup.emitter ?? emitter,
    labelEmitter: () => emitter,
    ...NO_AGENT,
    holdings: new Holdings(),
    emitErrors: async () => {},
    createOutput: () => {
      throw new Error("an input has no outputs");
    },
  };
  return { input: forwardInput.create(config, context), emitter, counters, log, holdings: context.holdings };
}

/** Creates and starts the input on a free port of loopback; it is stopped when the test ends. */
export async function startForwardInput(t: TestContext, setup: InputSetup = {}): Promise<RunningInput> {
  const created = createForwardInput(setup);
  await created.input.start();
  t.after(() => created.input.stop(AbortSignal.abort()));
  const port = created.input.address?.port as number;
  return {
    ...created,
    port,
    async connect(options = {}) {
      const socket = connect({ port, host: "127.0.0.1", ...options });
      t.after(() => socket.destroy());
      await once(socket, "connect");
      return new TestPeer(socket);
    },
  };
}

/** A client that sends bytes and looks at the bytes that come back. */
export class TestPeer {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  /** Whether the other side has ended. */
  isEnded = false;
  #wake = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    const wake = () => this.#wake();
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      wake();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.isEnded = true;
        wake();
      });
    }
  }

  get received(): Buffer {
    return this.#received;
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Waits for so many bytes since the last call and takes them; fewer when the other side ends first. */
  async take(count: number): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count || this.isEnded);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** Waits until the other side ends, and gives everything it sent. */
  async ended(): Promise<Buffer> {
    await this.#until(() => this.isEnded);
    return this.#received;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
