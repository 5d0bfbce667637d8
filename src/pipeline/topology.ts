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
import type { ChunkWriter, Filter, Input, Output, PluginDefinition, PluginSummary } from "../plugin.ts";
import { CountedOutput } from "./counted-output.ts";
import { ErrorRouter } from "./error-router.ts";
import { matchPattern } from "./match-pattern.ts";
import { Context, type ContextSource, ERROR_LABEL, type Level } from "./plugin-context.ts";
import type { PluginList } from "./plugin-list.ts";
import { Router } from "./router.ts";
import { secondaryElement, withBufferPath } from "./secondary-element.ts";

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
}

export interface TopologySeams {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plugins: PluginList;
  readonly withoutSource: boolean;
  /** FLUENT_BACKUP_DIR. */
  readonly backupFolder: string | undefined;
}

interface RoutedLevel extends Level {
  readonly emitter: Router;
}

export class Topology implements ContextSource {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly system: SystemConfig;
  readonly errors: ErrorRouter;
  readonly holdings = new Holdings();
  readonly levels = new Map<string, RoutedLevel>();
  /** In the order of creation: outputs and filters of labels, then of the root, then inputs. */
  readonly parts: Part[] = [];
  readonly #plugins: PluginList;
  readonly #backupFolder: string | undefined;
  readonly #problems: Problems;
  readonly #ids = new Map<string, ConfigElement>();
  readonly #names = new Map<string, number>();

  /** Builds everything that stands in `root`; what cannot be built is in `problems`. */
  constructor(root: ConfigElement, system: SystemConfig, seams: TopologySeams, problems: Problems) {
    this.clock = seams.clock;
    this.logger = seams.logger;
    this.system = system;
    this.errors = new ErrorRouter(seams.logger);
    this.#plugins = seams.plugins;
    this.#backupFolder = seams.backupFolder;
    this.#problems = problems;
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
    this.levels.set(ROOT_LABEL, { name: ROOT_LABEL, emitter: new Router(this.logger) });
    const labels: [ConfigElement, RoutedLevel][] = [];
    for (const element of root.childrenNamed("label")) {
      const name = element.argument;
      this.#warnOfUnread(element, LABEL_SECTIONS, ` in ${element.title}`);
      const problem = this.#labelProblem(element);
      if (problem) this.#problems.error(problem, element.position);
      if (this.levels.has(name)) continue;
      const level = { name, emitter: new Router(this.logger, name !== OWN_LOG_LABEL) };
      this.levels.set(name, level);
      labels.push([element, level]);
    }
    const error = this.levels.get(ERROR_LABEL);
    if (error) this.errors.connect(error.emitter);
    return labels;
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
    level.emitter.addOutput(matches, level.name === ERROR_LABEL ? output : this.errors.guard(output));
  }

  #addFilter(element: ConfigElement, level: RoutedLevel): void {
    const type = this.#announce("filter", element, level);
    const matches = matchPattern(element.argument, element.position);
    const definition = this.#plugins.filter(type, element.position);
    const context = this.#context(element, type, level);
    const plugin = definition.create(this.#read(definition, element), context);
    this.parts.push({ kind: "filter", type, context, plugin, owner: undefined });
    level.emitter.addFilter(matches, plugin, context.counters);
  }

  #addInput(element: ConfigElement): void {
    const type = this.#typeOf(element);
    this.logger.info("adding source", { type });
    const definition = this.#plugins.input(type, element.position);
    const context = this.#context(element, type, this.#level(ROOT_LABEL));
    const label = element.text("@label");
    if (label !== undefined) context.labelEmitter(label);
    const plugin = definition.create(this.#read(definition, element), context);
    this.parts.push({ kind: "input", type, context, plugin, owner: undefined });
  }

  /** Builds an output that stands inside another one. */
  createOutput(element: ConfigElement, owner: Context): Output {
    return this.#createOutput(this.#typeOf(element), element, owner.level, owner);
  }

  #createOutput(type: string, written: ConfigElement, level: Level, owner: Context | undefined): Output {
    const wantsBuffer = written.childrenNamed("buffer").length > 0;
    const definition = this.#plugins.output(type, wantsBuffer, written.position);
    const element = definition.kind === "output" ? written : withBufferPath(definition, written, this.system);
    const context = this.#context(element, type, level);
    const config = this.#read(definition, element);
    if (definition.kind === "buffered-output") this.#checkBuffers(element);
    const plugin =
      definition.kind === "output"
        ? new CountedOutput(definition.create(config, context), context.counters)
        : createBufferedOutput(
            definition,
            config,
            context,
            (secondary) => this.#createSecondary(secondaryElement(secondary, element, definition, type), context),
            this.#backupFolder === undefined ? {} : { backupFolder: this.#backupFolder },
          );
    if (owner) for (const target of context.targets) owner.targets.add(target);
    this.parts.push({ kind: "output", type, context, plugin, owner });
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
    const context = this.#context(element, type, owner.level);
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

  #context(element: ConfigElement, type: string, level: Level): Context {
    const context = new Context(this, element, type, level);
    if (context.hasGivenId) {
      const first = this.#ids.get(context.id);
      if (first) {
        const other = `${first.position.file}:${first.position.line}`;
        const message = `Duplicated plugin id \`${context.id}\`. Check whole configuration and fix it.`;
        this.#problems.error(`${message} The other one is at ${other}.`, element.position);
      }
      this.#ids.set(context.id, element);
    }
    for (const old of ["type", "id", "log_level"]) {
      const given = element.parameter(old);
      if (given && !element.parameter(`@${old}`)) {
        this.#problems.warn(`'${old}' is deprecated: write '@${old}'`, given.position);
      }
    }
    return context;
  }

  summaries(): PluginSummary[] {
    return this.parts.map((part) => this.summary(part));
  }

  summary({ kind, type, context, plugin, owner }: Part): PluginSummary {
    return {
      id: context.id,
      kind,
      type,
      element: context.element,
      level: context.level.name,
      owner: owner?.id,
      isRunning: context.isRunning,
      counters: context.counters,
      report: () => plugin.report?.() ?? {},
    };
  }

  /** `forward_1`: readable in logs, and the same for the same configuration. */
  nameFor(type: string): string {
    const number = (this.#names.get(type) ?? 0) + 1;
    this.#names.set(type, number);
    return `${type}_${number}`;
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
      if (error instanceof NotedError) return;
      if (!(error instanceof ConfigError)) throw error;
      this.#problems.errors.push(error.position ? error : new ConfigError(error.message, element.position));
    }
  }
}

const ROOT_SECTIONS = ["source", "match", "filter", "label", "system", "worker"];
const LABEL_SECTIONS = ["match", "filter"];

/** The plugin cannot be made, and why stands in the problems already. */
class NotedError extends Error {}
