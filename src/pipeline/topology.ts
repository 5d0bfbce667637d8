/**
 * From the configuration's tree to plugins and routes. Everything is created, nothing is started: whatever is wrong with
 * the configuration is found here, all of it in one run. Source: fluentd 1.18 root_agent.rb, agent.rb, label.rb.
 */

import { Holdings } from "../buffer/holdings.ts";
import type { Clock } from "../clock.ts";
import type { ConfigElement } from "../config/element.ts";
import { nearest } from "../config/nearest.ts";
import { type Problems, readSection } from "../config/parameters.ts";
import type { SystemConfig } from "../config/system.ts";
import { ConfigError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { bufferTable } from "../output/buffer-parameters.ts";
import { createBufferedOutput } from "../output/buffered-output.ts";
import type { ChunkWriter, Filter, Input, Output, PluginDefinition, PluginSummary, ProcessInfo } from "../plugin.ts";
import { CountedOutput } from "./counted-output.ts";
import { ErrorRouter } from "./error-router.ts";
import { fileBuffers } from "./file-buffers.ts";
import { InputAccounts, inputAccountsPath } from "./input-accounts.ts";
import { matchPattern } from "./match-pattern.ts";
import { Context, type ContextSource, ERROR_LABEL, type Level } from "./plugin-context.ts";
import type { PluginList } from "./plugin-list.ts";
import { PluginNames } from "./plugin-names.ts";
import { pluginSummary } from "./plugin-summary.ts";
import { Router } from "./router.ts";
import { secondaryElement, withBufferPath } from "./secondary-element.ts";
import type { Taps } from "./taps.ts";
import { Valve } from "./valve.ts";

export const ROOT_LABEL = "@ROOT";
export const OWN_LOG_LABEL = "@FLUENT_LOG";

/** A plugin of the pipeline, created. */
export interface Part<P = Input | Filter | Output> {
  readonly kind: "input" | "filter" | "output";
  readonly type: string;
  readonly context: Context;
  readonly plugin: P;
  /** The part that starts and stops this one; undefined when the agent does. */
  readonly owner: Context | undefined;
  /** Its own, and those of plugins inside it. */
  readonly contexts: readonly Context[];
}

export interface TopologySeams {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plugins: PluginList;
  readonly withoutSource: boolean;
  /** FLUENT_BACKUP_DIR. */
  readonly backupFolder: string | undefined;
  readonly process: ProcessInfo;
  readonly taps: Taps;
  /** The pipeline that runs now: what stands in both configurations goes on in the new one. */
  readonly previous?: Topology | undefined;
  /** How many workers run an element; all of them where it says nothing. */
  readonly shares?: ReadonlyMap<ConfigElement, number> | undefined;
}

interface RoutedLevel extends Level {
  readonly emitter: Valve;
}

export class Topology implements ContextSource {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly system: SystemConfig;
  readonly process: ProcessInfo;
  readonly errors: ErrorRouter;
  readonly holdings: Holdings;
  readonly inputAccounts: InputAccounts;
  /** Who watches events; they go on watching after a reload. */
  readonly taps: Taps;
  readonly levels = new Map<string, RoutedLevel>();
  /** In the order of creation: outputs and filters of labels, then of the root, then inputs. */
  readonly parts: Part[] = [];
  readonly #plugins: PluginList;
  readonly backupFolder: string | undefined;
  readonly #problems: Problems;
  readonly #previous: Topology | undefined;
  readonly #shares: ReadonlyMap<ConfigElement, number>;
  /** `<system>` as plugins see it that so many workers run. */
  readonly #systems = new Map<number, SystemConfig>();
  readonly #names: PluginNames;
  /** Contexts of the part that is being made: its own, and those of plugins inside it. */
  #making: Context[] = [];
  readonly #routers = new Map<Level, Router>();

  /** Builds everything that stands in `root`; what cannot be built is in `problems`. */
  constructor(root: ConfigElement, system: SystemConfig, seams: TopologySeams, problems: Problems) {
    this.clock = seams.clock;
    this.logger = seams.logger;
    this.system = system;
    this.process = seams.process;
    this.errors = new ErrorRouter(seams.logger);
    this.#plugins = seams.plugins;
    this.backupFolder = seams.backupFolder;
    this.#previous = seams.previous;
    this.#shares = seams.shares ?? new Map();
    this.#systems.set(system.workers, system);
    this.#problems = problems;
    this.#names = new PluginNames(problems);
    this.taps = seams.taps;
    this.holdings = seams.previous?.holdings ?? new Holdings();
    this.inputAccounts = seams.previous?.inputAccounts ?? new InputAccounts();
    this.#warnOfUnread(root, ROOT_SECTIONS, "");
    const labels = this.#addLevels(root);
    for (const [element, level] of labels) this.#addRules(element, level);
    this.#addRules(root, this.#level(ROOT_LABEL));
    if (seams.withoutSource) this.logger.info("'--without-source' is applied. Ignore <source> sections");
    else for (const element of root.childrenNamed("source")) this.#guard(element, () => this.#addInput(element));
  }

  #level(name: string): RoutedLevel {
    return this.levels.get(name) as RoutedLevel;
  }

  /** Makes the routers of the root and of every label, so that no order of the text makes a label unknown. */
  #addLevels(root: ConfigElement): [ConfigElement, RoutedLevel][] {
    this.#addLevel(ROOT_LABEL);
    const labels: [ConfigElement, RoutedLevel][] = [];
    for (const element of root.childrenNamed("label")) {
      const name = element.argument;
      this.#warnOfUnread(element, LABEL_SECTIONS, ` in ${element.title}`);
      const problem = this.#labelProblem(element);
      if (problem) this.#problems.error(problem, element.position);
      if (this.levels.has(name)) continue;
      labels.push([element, this.#addLevel(name)]);
    }
    const error = this.levels.get(ERROR_LABEL);
    if (error) this.errors.connect(error.emitter);
    return labels;
  }

  /** A level of the same name goes on, so that plugins that emit to it need not know of a reload. */
  #addLevel(name: string): RoutedLevel {
    const router = new Router(this.logger, name !== OWN_LOG_LABEL, this.taps, name);
    const level = this.#previous?.levels.get(name) ?? { name, emitter: new Valve(router) };
    this.levels.set(name, level);
    this.#routers.set(level, router);
    return level;
  }

  /** Gives the routes of this configuration to every level, and this pipeline to the plugins that went on. */
  connect(): void {
    for (const { context } of this.parts) context.moveTo(this);
    for (const [level, router] of this.#routers) (level as RoutedLevel).emitter.open(router);
    this.taps.connect(() => {
      for (const router of this.#routers.values()) router.forgetRoutes();
    });
  }

  /** Ledgers go on from where an earlier process left them; outputs have started. */
  startAccounts(): void {
    const { clock, inputAccounts, logger, system } = this;
    const { filePermission: fileMode, dirPermission: folderMode } = system;
    const { places, received } = fileBuffers(this.parts);
    inputAccounts.start({ clock, logger, fileMode, folderMode, path: inputAccountsPath(system, places), received });
  }

  /** Whether an output of the level would take this tag. */
  takes(level: Level, tag: string): boolean {
    return this.#routers.get(level)?.takes(tag) ?? false;
  }

  /** fluentd passes over them in silence, and so over a misspelt <match>. */
  #warnOfUnread(element: ConfigElement, known: readonly string[], where: string): void {
    for (const { name, position } of element.children) {
      if (known.includes(name)) continue;
      const hint = nearest(name, known);
      this.#problems.warn(`section <${name}> is not used${where}.${hint ? ` Did you mean <${hint}>?` : ""}`, position);
    }
  }

  #labelProblem(element: ConfigElement): string | undefined {
    const name = element.argument;
    if (name === "") return "Missing symbol argument on <label> directive";
    if (name === ROOT_LABEL) return "@ROOT for <label> is not permitted, reserved for getting root router";
    if (!name.startsWith("@")) return `<label ${name}>: the name of a label starts with @: <label @${name}>`;
    if (this.levels.has(name)) return `Section <label ${name}> appears twice`;
    if (element.childrenNamed("match").length === 0) return `Missing <match> sections in <label ${name}> section`;
    return undefined;
  }

  #addRules(element: ConfigElement, level: RoutedLevel): void {
    let catchAll: ConfigElement | undefined;
    for (const child of element.children) {
      if (child.name !== "match" && child.name !== "filter") continue;
      if (catchAll) {
        const { file, line } = catchAll.position;
        const message = `${child.title} is never reached: ${catchAll.title} at ${file}:${line} takes every event`;
        this.#problems.warn(message, child.position);
      } else if (child.name === "match" && ["", "**"].includes(child.argument)) catchAll = child;
      this.#guard(child, () =>
        child.name === "filter" ? this.#addFilter(child, level) : this.#addMatch(child, level),
      );
    }
  }

  #addMatch(element: ConfigElement, level: RoutedLevel): void {
    const type = this.#announce("match", element, level);
    const matches = matchPattern(element.argument, element.position);
    const output = this.#createOutput(type, element, level, undefined);
    const context = this.parts.find(({ plugin }) => plugin === output)?.context;
    const guarded = level.name === ERROR_LABEL ? output : this.errors.guard(output);
    this.#routers.get(level)?.addOutput(matches, guarded, context);
  }

  #addFilter(element: ConfigElement, level: RoutedLevel): void {
    const type = this.#announce("filter", element, level);
    const matches = matchPattern(element.argument, element.position);
    const { plugin, context } = this.#kept("filter", element, level) ?? this.#createFilter(type, element, level);
    this.#routers.get(level)?.addFilter(matches, plugin as Filter, context);
  }

  #createFilter(type: string, element: ConfigElement, level: Level): Part {
    const definition = this.#plugins.filter(type, element.position);
    const context = this.#context(element, type, level, this.#systemFor(element, definition));
    const plugin = definition.create(this.#read(definition, element), context);
    return this.#add({ kind: "filter", type, context, plugin, owner: undefined });
  }

  #addInput(element: ConfigElement): void {
    const type = this.#typeOf(element);
    this.logger.info("adding source", { type });
    if (this.#kept("input", element, this.#level(ROOT_LABEL))) return;
    const definition = this.#plugins.input(type, element.position);
    const system = this.#systemFor(element, definition);
    const context = this.#context(element, type, this.#level(ROOT_LABEL), system, true);
    void context.emitter; // Finds an unknown label here, whenever the plugin asks for it.
    const plugin = definition.create(this.#read(definition, element), context);
    this.#add({ kind: "input", type, context, plugin, owner: undefined });
  }

  /** Builds an output that stands inside another one. */
  createOutput(element: ConfigElement, owner: Context): Output {
    return this.#createOutput(this.#typeOf(element), element, owner.level, owner);
  }

  #createOutput(type: string, written: ConfigElement, level: Level, owner: Context | undefined): Output {
    const wantsBuffer = written.childrenNamed("buffer").length > 0;
    const definition = this.#plugins.output(type, wantsBuffer, written.position);
    const element = definition.kind === "output" ? written : withBufferPath(definition, written, this.system);
    const running = owner ? undefined : this.#kept("output", element, level);
    if (running) return running.plugin as Output;
    const context = this.#context(element, type, level, owner?.system ?? this.#systemFor(written, definition));
    const config = this.#read(definition, element);
    if (definition.kind === "buffered-output") this.#checkBuffers(element);
    const plugin =
      definition.kind === "output"
        ? new CountedOutput(definition.create(config, context), context, definition.passesOn ?? false)
        : createBufferedOutput(
            definition,
            config,
            context,
            (secondary) => this.#createSecondary(secondaryElement(secondary, element, definition, type), context),
            this.backupFolder === undefined ? {} : { backupFolder: this.backupFolder },
          );
    if (owner) for (const target of context.targets) owner.targets.add(target);
    this.#add({ kind: "output", type, context, plugin, owner });
    return plugin;
  }

  /** Notes everything that is wrong in `<buffer>`, where the output itself stops at the first error. */
  #checkBuffers(element: ConfigElement): void {
    const before = this.#problems.errors.length;
    for (const buffer of element.childrenNamed("buffer")) readSection(bufferTable, buffer, this.#problems);
    if (this.#problems.errors.length > before) throw new NotedError();
  }

  /** The writer of a `<secondary>`, which shares the buffer of the output that it stands in. */
  #createSecondary(element: ConfigElement, owner: Context): ChunkWriter {
    const type = this.#typeOf(element);
    const definition = this.#plugins.output(type, true, element.position);
    if (definition.kind !== "buffered-output") {
      throw new ConfigError(`'${type}' cannot be a <secondary>: it takes no chunks`, element.position);
    }
    const context = this.#context(element, type, owner.level, owner.system);
    return definition.createWriter(this.#read(definition, element), context);
  }

  #announce(directive: string, element: ConfigElement, level: Level): string {
    const type = this.#typeOf(element);
    const where = level.name === ROOT_LABEL ? "" : ` in ${level.name}`;
    this.logger.info(`adding ${directive}${where}`, { pattern: element.argument || "**", type });
    return type;
  }

  #typeOf(element: ConfigElement): string {
    const type = element.text("@type") ?? element.text("type");
    if (type !== undefined) return type;
    throw new ConfigError(`Missing '@type' parameter on <${element.name}> directive`, element.position);
  }

  /** Throws ConfigError for a plugin that one process alone may run, where several would. Source: plugin.rb, COMPAT 1.5. */
  #systemFor(element: ConfigElement, { type, oneWorkerOnly = false }: PluginDefinition): SystemConfig {
    const workers = this.#shares.get(element) ?? this.system.workers;
    if (workers > 1 && oneWorkerOnly) {
      const message = `Plugin '${type}' does not support multi workers configuration: put it into a <worker 0> section`;
      throw new ConfigError(message, element.position);
    }
    const system = this.#systems.get(workers) ?? { ...this.system, workers };
    this.#systems.set(workers, system);
    return system;
  }

  #context(element: ConfigElement, type: string, level: Level, system: SystemConfig, isInput = false): Context {
    const context = new Context(this, { element, type, level, system, isInput });
    this.#making.push(context);
    this.#names.claim(context);
    for (const old of ["type", "id", "log_level"]) {
      const given = element.parameter(old);
      if (given && !element.parameter(`@${old}`)) {
        this.#problems.warn(`'${old}' is deprecated: write '@${old}'`, given.position);
      }
    }
    return context;
  }

  #add(part: Omit<Part, "contexts">): Part {
    const added = { ...part, contexts: part.owner ? [part.context] : this.#making };
    if (!part.owner) this.#making = [];
    this.parts.push(added);
    return added;
  }

  /**
   * The running plugin of an element that says the same as before, in the same place: it goes on, with those inside it.
   * Undefined when there is none, or when it would get another name or emit to a label that is gone.
   */
  #kept(kind: Part["kind"], element: ConfigElement, level: Level): Part | undefined {
    const { parts = [] } = this.#previous ?? {};
    const part = parts.find(
      (candidate) =>
        candidate.kind === kind &&
        candidate.owner === undefined &&
        candidate.context.isRunning &&
        candidate.context.level === level &&
        candidate.context.element.equals(element) &&
        !this.parts.includes(candidate),
    );
    if (!part || ![...part.context.targets].every((target) => this.levels.get(target.name) === target))
      return undefined;
    if (!this.#names.takeOver(part.contexts)) return undefined;
    this.parts.push(...parts.filter(({ context }) => part.contexts.includes(context)));
    return part;
  }

  summaries(): PluginSummary[] {
    return this.parts.map((part) => this.summary(part));
  }

  summary(part: Part): PluginSummary {
    return pluginSummary(part, this.inputAccounts, this.#plugins.definitions);
  }

  outputsOf(tag: string): readonly string[] {
    return this.#routers.get(this.#level(ROOT_LABEL))?.outputsOf(tag) ?? [];
  }

  nameFor(type: string): string {
    return this.#names.make(type);
  }

  /** Reads a plugin's section, and throws when it has errors, once they are noted. */
  #read<C>(definition: PluginDefinition & { table: { shape?: C } }, element: ConfigElement): any {
    const before = this.#problems.errors.length;
    const config = readSection(definition.table as any, element, this.#problems);
    if (this.#problems.errors.length > before) throw new NotedError();
    return config;
  }

  #guard(element: ConfigElement, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#note(error, element);
    }
  }

  #note(error: unknown, element: ConfigElement): void {
    if (error instanceof NotedError) return;
    if (error instanceof AggregateError) {
      for (const each of error.errors) this.#note(each, element);
      return;
    }
    if (!(error instanceof ConfigError)) throw error;
    this.#problems.errors.push(error.position ? error : new ConfigError(error.message, element.position));
  }
}

const ROOT_SECTIONS = ["source", "match", "filter", "label", "system", "worker"];
const LABEL_SECTIONS = ["match", "filter"];

/** The plugin cannot be made, and why stands in the problems already. */
class NotedError extends Error {}
