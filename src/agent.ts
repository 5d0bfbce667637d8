/**
 * The agent: all plugins of a configuration, started and stopped together. Start: outputs, filters, inputs. Stop: inputs
 * first, then whatever emits, from the root along the labels, then outputs that only deliver; all under one deadline.
 * Source: fluentd 1.18 root_agent.rb `start`, `shutdown`.
 */

import { setMaxListeners } from "node:events";
import { type Clock, sleep } from "./clock.ts";
import { ConfigElement } from "./config/element.ts";
import { Problems } from "./config/parameters.ts";
import { readSystem, type SystemConfig } from "./config/system.ts";
import { elementsForWorker, sharesOf } from "./config/workers.ts";
import { errorMessage } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { OWN_LOG_TAGS, type OwnLog } from "./pipeline/own-log.ts";
import type { PluginList } from "./pipeline/plugin-list.ts";
import { Taps } from "./pipeline/taps.ts";
import { OWN_LOG_LABEL, type Part, ROOT_LABEL, Topology } from "./pipeline/topology.ts";
import type { Emitter, Input, Output, PluginSummary, ProcessInfo } from "./plugin.ts";
import { listeningSockets } from "./tls/listening-sockets.ts";

export interface AgentSeams {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hostname: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Make no input; `<system> without_source` does the same. */
  readonly withoutSource?: boolean;
  /** Delivers the agent's own log as events; its `tap` belongs into the logger. */
  readonly ownLog?: OwnLog;
  /** At least those that the configuration uses. */
  readonly plugins: PluginList;
  /** What plugins may tell of the process. */
  readonly process?: Partial<ProcessInfo>;
  /** Who watches events; they go on watching the agent that takes over. */
  readonly taps?: Taps;
  /** Of this process, where several do the work: it gets its own `<worker>` sections and no others. */
  readonly workerId?: number | undefined;
  /** The agent that runs now, when this one is to take over from it. */
  readonly previous?: Agent | undefined;
}

export interface CreatedAgent {
  /** Undefined when `problems` has errors. */
  readonly agent: Agent | undefined;
  readonly problems: Problems;
  readonly system: SystemConfig;
}

const NO_PROCESS: Omit<ProcessInfo, "hostname"> = {
  version: "",
  ownVersion: "",
  configPath: undefined,
  pidFile: undefined,
  pluginFolders: [],
  logPath: undefined,
};

/** Builds an agent from the ROOT of a configuration. Opens no file and no socket; never throws for bad configuration. */
export function createAgent(root: ConfigElement, seams: AgentSeams): CreatedAgent {
  const problems = new Problems();
  const { workerId } = seams;
  const system: SystemConfig = { ...readSystem(root, problems), ...(workerId !== undefined && { workerId }) };
  const topology = new Topology(
    forWorkers(root, system, problems),
    system,
    {
      clock: seams.clock,
      logger: seams.logger,
      plugins: seams.plugins,
      process: { ...NO_PROCESS, hostname: seams.hostname, ...seams.process },
      backupFolder: seams.environment.FLUENT_BACKUP_DIR,
      withoutSource: seams.withoutSource ?? system.withoutSource ?? false,
      taps: seams.taps ?? new Taps(),
      previous: seams.previous?.topology,
      shares: problems.guard(() => sharesOf(root, system.workers)),
    },
    problems,
  );
  const agent = problems.errors.length > 0 ? undefined : new Agent(topology, seams.ownLog);
  return { agent, problems, system };
}

/**
 * The root with what stands in its `<worker>` sections behind its own children: those of this worker, or of every one
 * where the process is none, to find all that is wrong.
 */
function forWorkers(root: ConfigElement, { workerId, workers }: SystemConfig, problems: Problems): ConfigElement {
  const workerIds = workerId === undefined ? Array.from({ length: workers }, (_, id) => id) : [workerId];
  const elements = problems.guard(() => workerIds.flatMap((id) => elementsForWorker(root, id, workers)));
  const children = [...new Set(elements ?? root.children)];
  return new ConfigElement(root.name, root.argument, root.position, root.parameters, children);
}

/** A plugin with itself. */
export interface PluginView extends PluginSummary {
  readonly plugin: Part["plugin"];
}

/** How long after the deadline a plugin may take to let go, before the agent stops waiting for it. */
const GRACE_MS = 1000;

/** How long a reload waits for emits under way: one that waits for room in a full buffer may wait for hours. */
const DRAIN_MS = 1000;

/** How long a reload waits, while inputs are held back, for acks that an output awaits and its successor gets, too. */
const RELOAD_ACKS_MS = 3000;

export class Agent {
  /** For the agent that is to take over from this one. */
  readonly topology: Topology;
  readonly #ownLog: OwnLog | undefined;
  readonly #parts: readonly Part[];
  #started: Part[] = [];
  #stop: Promise<void> | undefined;

  constructor(topology: Topology, ownLog: OwnLog | undefined) {
    this.topology = topology;
    this.#ownLog = ownLog;
    this.#parts = topology.parts.filter((part) => part.owner === undefined);
  }

  /** Every plugin, with those inside others. */
  get plugins(): PluginView[] {
    return this.topology.parts.map((part) => ({ ...this.topology.summary(part), plugin: part.plugin }));
  }

  /** Where the inputs listen, in the order of the configuration. */
  get addresses(): { readonly id: string; readonly host: string; readonly port: number }[] {
    return this.#of("input").flatMap(({ context, plugin }) => {
      const { address } = plugin as Input;
      return address ? [{ id: context.id, ...address }] : [];
    });
  }

  /** Starts every plugin. When one fails, those that had started are stopped, and its error is thrown. */
  async start(): Promise<void> {
    try {
      await this.#startAll();
    } catch (error) {
      await this.stop(GRACE_MS);
      throw error;
    }
  }

  /**
   * Takes over from the agent that it was built upon: plugins that are in both go on, the others of `old` are stopped
   * within about `timeoutMs`, and the rest of this one is started. What inputs bring meanwhile waits. When a plugin
   * fails to start, those that were started here are stopped again and its error is thrown: what went on still runs,
   * held back, until another agent takes over from this one. `hurry` ends the wait for plugins that are being stopped.
   */
  async takeOver(old: Agent, timeoutMs: number, hurry?: AbortSignal): Promise<void> {
    const goesOn = (part: Part) => this.#parts.includes(part);
    this.#started = old.#started.filter(goesOn);
    const held = this.#started.flatMap(({ context }) => context.valve ?? []);
    const drained = Promise.all(held.map((valve) => valve.close()));
    const waited = new AbortController();
    await Promise.race([drained, sleep(this.topology.clock, DRAIN_MS, waited.signal)]);
    waited.abort();
    old.#started = old.#started.filter((part) => !goesOn(part));
    listeningSockets.keep();
    this.topology.holdings.isPartial = true;
    await old.#stopParts(old.#started.splice(0), timeoutMs, { holds: true, hurry });
    try {
      await this.#startAll();
    } catch (error) {
      await this.#stopParts(
        this.#started.filter((part) => !old.#parts.includes(part)),
        GRACE_MS,
      );
      this.#started = this.#started.filter((part) => old.#parts.includes(part));
      throw error;
    }
    this.topology.holdings.isPartial = false;
    listeningSockets.release();
    for (const valve of held) valve.open();
  }

  async #startAll(): Promise<void> {
    for (const part of this.#of("output").reverse()) await this.#start(part);
    for (const part of this.#of("filter").reverse()) await this.#start(part);
    this.topology.connect();
    this.topology.startAccounts();
    this.#connectOwnLog();
    for (const part of this.#of("input")) await this.#start(part);
  }

  /** Sends what is buffered now. Failures are logged; the chunks stay. */
  async flush(): Promise<void> {
    this.topology.logger.info("flushing all buffer forcedly");
    await Promise.all(
      this.#of("output").map(async ({ context, plugin }) => {
        try {
          await (plugin as Output).flush?.();
        } catch (error) {
          this.topology.logger.warn("unexpected error while flushing buffer", { plugin_id: context.id, error });
        }
      }),
    );
  }

  /** Stops everything that was started, within about `timeoutMs`. Never rejects; safe to call twice. */
  stop(timeoutMs: number): Promise<void> {
    this.#stop ??= this.#stopAll(timeoutMs);
    return this.#stop;
  }

  async #start(part: Part): Promise<void> {
    if (this.#started.includes(part)) return;
    await part.plugin.start();
    part.context.isRunning = true;
    this.#started.push(part);
  }

  async #stopAll(timeoutMs: number): Promise<void> {
    const started = this.#started;
    this.#started = [];
    await this.#stopParts(started, timeoutMs);
    this.topology.inputAccounts.stop();
  }

  /** With `holds` nothing gets to outputs that are going down, from plugins that go on: it waits for the next routes. */
  async #stopParts(
    started: readonly Part[],
    timeoutMs: number,
    { holds = false, hurry }: { holds?: boolean; hurry?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { clock } = this.topology;
    const [late, early] = [new AbortController(), new AbortController()];
    const signals = hurry ? [late.signal, hurry] : [late.signal];
    const deadline = AbortSignal.any(signals);
    const earlyDeadline = AbortSignal.any([...signals, early.signal]);
    for (const signal of [deadline, earlyDeadline]) setMaxListeners(0, signal);
    const timers = [clock.after(timeoutMs, () => late.abort())];
    if (holds) timers.push(clock.after(Math.min(timeoutMs, RELOAD_ACKS_MS), () => early.abort()));
    const deadlineOf = ({ plugin }: Part) => (holds && (plugin as Output).keepsUndelivered ? earlyDeadline : deadline);
    const stop = (parts: readonly Part[]) => Promise.all(parts.map((part) => this.#stopPart(part, deadlineOf(part))));
    await stop(started.filter(({ kind }) => kind === "input"));
    const emitting = started.filter(
      ({ kind, context }) => kind === "filter" || (kind === "output" && context.targets.size > 0),
    );
    for (const level of this.#levelsInOrder()) await stop(emitting.filter(({ context }) => context.level === level));
    await this.#withinDeadline(this.#ownLog?.disconnect() ?? Promise.resolve(), deadline);
    if (holds) for (const { emitter } of this.topology.levels.values()) void emitter.close();
    await stop(started.filter((part) => part.kind === "output" && !emitting.includes(part)));
    for (const cancel of timers) cancel();
  }

  async #stopPart({ kind, type, context, plugin }: Part, deadline: AbortSignal): Promise<void> {
    const fields = { type, plugin_id: context.id };
    context.isRunning = false;
    this.topology.logger.info(`shutting down ${kind} plugin`, fields);
    try {
      const inTime = await this.#withinDeadline(plugin.stop(deadline), deadline);
      if (!inTime) this.topology.logger.warn(`${kind} plugin did not stop in time`, fields);
    } catch (error) {
      const cause = errorMessage(error);
      this.topology.logger.warn(`unexpected error while shutting down ${kind} plugin`, { ...fields, error: cause });
    }
  }

  /** Waits for `work`, but not longer than GRACE_MS past the deadline; says whether it ended. */
  async #withinDeadline(work: Promise<void>, deadline: AbortSignal): Promise<boolean> {
    let cancel = () => {};
    const late = new Promise<boolean>((resolve) => {
      const giveUp = () => {
        cancel = this.topology.clock.after(GRACE_MS, () => resolve(false));
      };
      if (deadline.aborted) giveUp();
      else deadline.addEventListener("abort", giveUp, { once: true });
    });
    try {
      return await Promise.race([work.then(() => true), late]);
    } finally {
      cancel();
    }
  }

  /** The levels in the order in which events pass them: from the root along the labels, `@ERROR` last. */
  #levelsInOrder() {
    const levels = [...this.topology.levels.values()];
    const distance = new Map(levels.map((level) => [level, 0]));
    for (let round = 1; round < levels.length; round++) {
      for (const { context, kind } of this.topology.parts) {
        if (kind === "input") continue;
        const next = (distance.get(context.level as (typeof levels)[number]) ?? 0) + 1;
        for (const target of context.targets as Set<(typeof levels)[number]>) {
          if (target !== context.level)
            distance.set(target, Math.max(distance.get(target) ?? 0, Math.min(next, levels.length)));
        }
      }
    }
    const place = (level: (typeof levels)[number]) => (level.name === "@ERROR" ? Infinity : (distance.get(level) ?? 0));
    return levels.sort((left, right) => place(left) - place(right));
  }

  /** Finds who takes the agent's own log, as fluentd does. */
  #connectOwnLog(): void {
    if (!this.#ownLog) return;
    const { levels, logger } = this.topology;
    const label = levels.get(OWN_LOG_LABEL);
    const level = label ?? levels.get(ROOT_LABEL);
    if (!level) return;
    const takes = (tag: string) => this.topology.takes(level, tag);
    const unmatched = OWN_LOG_TAGS.filter((tag) => !takes(tag));
    if (!label && unmatched.length === OWN_LOG_TAGS.length) return;
    if (!label) {
      logger.warn(
        "define <match fluent.**> to capture fluentd logs in top level is deprecated. Use <label @FLUENT_LOG> instead",
      );
    }
    if (unmatched.length > 0) {
      const where = label ? `${OWN_LOG_LABEL} label` : "top level";
      logger.warn(`match for some tags of log events are not defined in ${where} (to be ignored)`, { tags: unmatched });
    }
    const emit: Emitter["emit"] = (tag, events) => (takes(tag) ? level.emitter.emit(tag, events) : DONE);
    this.#ownLog.connect({ emit }, logger);
  }

  #of(kind: Part["kind"]): Part[] {
    return this.#parts.filter((part) => part.kind === kind);
  }
}

const DONE = Promise.resolve();
