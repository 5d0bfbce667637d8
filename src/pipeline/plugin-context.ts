/** What each plugin gets from the pipeline: its name, its logger, and where its events go. */

import type { Holdings } from "../buffer/holdings.ts";
import type { Clock } from "../clock.ts";
import type { ConfigElement } from "../config/element.ts";
import { logLevel, type SystemConfig } from "../config/system.ts";
import { Counters } from "../counters.ts";
import { ConfigError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { Emitter, FailedEvent, Output, PluginContext, PluginSummary, ProcessInfo } from "../plugin.ts";
import type { ErrorRouter } from "./error-router.ts";
import type { InputAccounts } from "./input-accounts.ts";
import { Valve } from "./valve.ts";

/** A level of the configuration: the root, or a label. */
export interface Level {
  /** `@ROOT`, or the label's name. */
  readonly name: string;
  readonly emitter: Emitter;
}

/** What the contexts of one pipeline share. */
export interface ContextSource {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly system: SystemConfig;
  readonly backupFolder?: string | undefined;
  readonly errors: ErrorRouter;
  readonly holdings: Holdings;
  readonly inputAccounts: InputAccounts;
  /** Every level by name, before the first plugin is made. */
  readonly levels: ReadonlyMap<string, Level>;
  /** Gives the name of a plugin without `@id`. */
  nameFor(type: string): string;
  createOutput(element: ConfigElement, owner: Context): Output;
  summaries(): readonly PluginSummary[];
  outputsOf(tag: string): readonly string[];
  readonly process: ProcessInfo;
}

export const ERROR_LABEL = "@ERROR";

/** What a plugin is made for. */
export interface ContextPlace {
  readonly element: ConfigElement;
  readonly type: string;
  readonly level: Level;
  /** `workers` are those that run the plugin. */
  readonly system: SystemConfig;
  readonly isInput: boolean;
}

export class Context implements PluginContext {
  readonly id: string;
  readonly hasGivenId: boolean;
  readonly element: ConfigElement;
  readonly level: Level;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly counters = new Counters();
  readonly system: SystemConfig;
  readonly backupFolder: string | undefined;
  readonly holdings: Holdings;
  /** Levels that the plugin sends events to: they are stopped after it. */
  readonly targets = new Set<Level>();
  /** Whether the plugin has started and not been stopped; the agent says so. */
  isRunning = false;
  readonly #isInput: boolean;
  #source: ContextSource;
  #valve: Valve | undefined;

  /** Throws ConfigError when `@log_level` is none. */
  constructor(source: ContextSource, { element, type, level, system, isInput }: ContextPlace) {
    const givenId = element.text("@id") ?? element.text("id");
    this.#source = source;
    this.id = givenId ?? source.nameFor(type);
    this.hasGivenId = givenId !== undefined;
    this.element = element;
    this.level = level;
    this.#isInput = isInput;
    this.logger = source.logger.child(this.id, levelOfLog(element), element.position);
    this.clock = source.clock;
    this.system = system;
    this.backupFolder = source.backupFolder;
    this.holdings = source.holdings;
  }

  get emitter(): Emitter {
    if (this.#valve) return this.#valve;
    const label = this.element.text("@label");
    const emitter = label === undefined ? this.#emitterOf(this.level) : this.labelEmitter(label);
    if (!this.#isInput) return emitter;
    this.#valve = new Valve(emitter, this.#source.inputAccounts.ledgerOf(this.id, this.counters));
    return this.#valve;
  }

  /** Holds back what an input emits, and lets it go on. Only inputs that have an emitter have one. */
  get valve(): Valve | undefined {
    return this.#valve;
  }

  labelEmitter(name: string): Emitter {
    const level = this.#source.levels.get(name);
    if (!level)
      throw new ConfigError(
        `${name} label not found`,
        this.element.parameter("@label")?.position ?? this.element.position,
      );
    return this.#emitterOf(level);
  }

  emitErrors(tag: string, failed: readonly FailedEvent[]): Promise<void> {
    return this.#source.errors.emitErrors(tag, failed, {
      counters: this.counters,
      logger: this.logger,
      insideError: this.level.name === ERROR_LABEL,
    });
  }

  plugins(): readonly PluginSummary[] {
    return this.#source.summaries();
  }

  outputsOf(tag: string): readonly string[] {
    return this.#source.outputsOf(tag);
  }

  get process(): ProcessInfo {
    return this.#source.process;
  }

  createOutput(element: ConfigElement): Output {
    return this.#source.createOutput(element, this);
  }

  /** From now on the plugin belongs to the pipeline that took its configuration over, and sees the plugins of that. */
  moveTo(source: ContextSource): void {
    this.#source = source;
  }

  #emitterOf(level: Level): Emitter {
    this.targets.add(level);
    return level.emitter;
  }
}

function levelOfLog(element: ConfigElement) {
  const given = element.parameter("@log_level") ?? element.parameter("log_level");
  if (!given) return undefined;
  try {
    return logLevel.optional("").parse(given.value, given.position, true);
  } catch (error) {
    throw new ConfigError(`@log_level: ${(error as Error).message}`, given.position);
  }
}
