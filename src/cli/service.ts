/**
 * Keeps one agent running: start, reload and stop, one after the other, however fast the signals come. A flush may take
 * as long as its receiver is silent, so nothing waits for one.
 *
 * A reload never leaves the machine without an agent: a configuration with errors is refused while the old agent runs
 * on; one that cannot start (a port is taken) makes way for the old configuration, which is started again. Plugins whose
 * elements did not change go on over all that.
 */

import type { Logger } from "../logger.ts";
import type { PluginSummary } from "../plugin.ts";
import { shownWorkerId } from "./worker.ts";

/** What the service needs of an agent. */
export interface RunnableAgent {
  start(): Promise<void>;
  /**
   * Takes the place of `old`; rejects when it cannot, for another agent to take its own place. `hurry` ends the wait for
   * what stands in `old` alone.
   */
  takeOver(old: this, timeoutMs: number, hurry: AbortSignal): Promise<void>;
  stop(timeoutMs: number): Promise<void>;
  flush(): Promise<void>;
  /** Every plugin, running or not. */
  readonly plugins: readonly PluginSummary[];
}

/** A configuration without errors, made into an agent that is not started yet. */
export interface LoadedConfiguration<A extends RunnableAgent = RunnableAgent> {
  readonly agent: A;
  readonly logger: Logger;
  readonly shutdownTimeoutMs: number;
  /** The configuration as text, secrets masked. */
  readonly dump: string;
  /** The same configuration as a new agent, which is to take over from that of `running`. */
  again(running: LoadedConfiguration<A>): LoadedConfiguration<A>;
}

/** What signals and the control interface ask for. */
export type ServiceCommands = Pick<Service, "logger" | "start" | "stop" | "reload" | "flush">;

export class Service<A extends RunnableAgent = RunnableAgent> {
  readonly #load: (running: LoadedConfiguration<A>) => Promise<LoadedConfiguration<A>>;
  #current: LoadedConfiguration<A>;
  #work: Promise<void> = Promise.resolve();
  /** Aborted by a stop: nothing that comes after it begins, and a reload under way waits for nobody. */
  readonly #stopping = new AbortController();

  /**
   * `load` reads the configuration anew, as an agent that is to take over from that of `running`; it rejects, with
   * everything that is wrong in one message, to refuse it.
   */
  constructor(
    first: LoadedConfiguration<A>,
    load: (running: LoadedConfiguration<A>) => Promise<LoadedConfiguration<A>>,
  ) {
    this.#current = first;
    this.#load = load;
  }

  get logger(): Logger {
    return this.#current.logger;
  }

  /** The running configuration as text, secrets masked. */
  get dump(): string {
    return this.#current.dump;
  }

  /** The plugins of the configuration that runs, or of the one that is being started. */
  get plugins(): readonly PluginSummary[] {
    return this.#current.agent.plugins;
  }

  /** Starts the agent, or undoes what was started and throws. */
  start(): Promise<void> {
    return this.#next(() => startOrUndo(this.#current));
  }

  /** Sends what is buffered, once what was asked before is done; what is asked after it does not wait. */
  flush(): Promise<void> {
    return this.#work.then(async () => {
      if (this.#stopping.signal.aborted) return;
      this.logger.info("force flushing buffered events");
      await this.#current.agent.flush().catch((error) => this.logger.warn("flushing failed", { error }));
    });
  }

  /** Puts the configuration that is on disk now in the place of the running one. Throws when no agent runs after it. */
  reload(): Promise<void> {
    return this.#next(async () => {
      if (this.#stopping.signal.aborted) return;
      this.logger.info("Reloading new config");
      const next = await this.#load(this.#current).catch((error) => this.#refuse(error));
      if (next) await this.#replaceBy(next);
    });
  }

  /** Stops the agent within its shutdown timeout. Safe to call twice. */
  stop(): Promise<void> {
    this.#stopping.abort();
    return this.#next(() => this.#stopCurrent());
  }

  #stopCurrent(): Promise<void> {
    return this.#current.agent.stop(this.#current.shutdownTimeoutMs);
  }

  #refuse(error: unknown): undefined {
    this.logger.error("Failed to reload config file; the running configuration stays", { error });
  }

  async #replaceBy(next: LoadedConfiguration<A>): Promise<void> {
    const old = this.#current;
    try {
      await next.agent.takeOver(old.agent, old.shutdownTimeoutMs, this.#stopping.signal);
      this.#current = next;
    } catch (error) {
      old.logger.error("the new configuration cannot start; starting the old one again", { error });
      const again = old.again(next);
      await again.agent.takeOver(next.agent, old.shutdownTimeoutMs, this.#stopping.signal);
      this.#current = again;
    }
    sayRunning(this.logger);
  }

  #next(action: () => Promise<void>): Promise<void> {
    const done = this.#work.then(action);
    this.#work = done.catch(() => {});
    return done;
  }
}

async function startOrUndo({ agent, logger, shutdownTimeoutMs }: LoadedConfiguration): Promise<void> {
  try {
    await agent.start();
    sayRunning(logger);
  } catch (error) {
    await agent.stop(shutdownTimeoutMs).catch(() => {});
    throw error;
  }
}

function sayRunning(logger: Logger): void {
  logger.info(`fluentd worker is now running worker=${shownWorkerId()}`);
}
