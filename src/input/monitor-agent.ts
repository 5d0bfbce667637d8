/**
 * `@type monitor_agent`: which plugins run, how they are configured and what they counted, over HTTP and as events.
 * Secrets are masked. `/` is the status page, Suiro's own. Source: fluentd 1.18 plugin/in_monitor_agent.rb; COMPAT 6.5.
 */

import type { CancelTimer } from "../clock.ts";
import { bool, integer, parseBool, string, time } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { EventStream } from "../event/event-stream.ts";
import { EventTime } from "../event/event-time.ts";
import {
  ALL_VARIABLES,
  inFluentdOrder,
  type Statistics,
  type StatisticsOptions,
  statisticsOf,
} from "../metrics/fluentd-statistics.ts";
import type { Report } from "../metrics/report-server.ts";
import { type AgentStatus, agentStatus } from "../metrics/status.ts";
import { statusPage } from "../metrics/status-page.ts";
import type { Input, InputDefinition, PluginContext, PluginSummary } from "../plugin.ts";
import { emitBatches } from "./emit-batches.ts";
import { ReportInput } from "./report-input.ts";

const table = section({
  bind: string.default("Address to listen on; it asks for no password.", "127.0.0.1"),
  port: integer.default("Port to listen on; with several workers the first one's, and the next ones' follow.", 24220),
  tag: string.optional("Emit what /api/plugins.json tells as events of this tag, too."),
  emit_interval: time.default("Seconds between these events.", 60),
  include_config: bool.default("Show the parameters of plugins, secrets masked, unless ?with_config=false.", true),
  include_retry: bool.default("Show how retrying stands, unless ?with_retry=false.", true),
});

type Config = ConfigOf<typeof table>;
type Query = URLSearchParams;

const JSON_TYPE = "application/json";
const NOT_FOUND: Report = { status: 404, type: JSON_TYPE, body: JSON.stringify({ message: "Not found" }) };

export const monitorAgentInput: InputDefinition<Config> = {
  kind: "input",
  type: "monitor_agent",
  table,
  create: (config, context) => new MonitorAgent(config, context),
};

class MonitorAgent implements Input {
  readonly #config: Config;
  readonly #context: PluginContext;
  readonly #server: ReportInput;
  #cancelTimer: CancelTimer | undefined;

  constructor(config: Config, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    const { bind } = config;
    const port = config.port + (context.system.workerId ?? 0);
    const reports: [string, (query: Query) => Report][] = [
      ["/api/plugins.json", (query) => json({ plugins: this.#plugins(query) }, query)],
      ["/api/plugins", (query) => ltsv(this.#plugins(query))],
      ["/api/config.json", (query) => json(this.#process(), query)],
      ["/api/config", () => ltsv([this.#process()])],
      ["/", () => statusPage],
      ["/api/status.json", (query) => json(this.#status(), query)],
    ];
    this.#server = new ReportInput({ bind, port, reports, notFound: NOT_FOUND }, context);
  }

  get address() {
    return this.#server.address;
  }

  async start(): Promise<void> {
    const { tag, emitInterval } = this.#config;
    await this.#server.start();
    if (tag !== undefined) {
      this.#cancelTimer = this.#context.clock.every(emitInterval * 1000, () => void this.#emit(tag));
    }
  }

  async stop(): Promise<void> {
    this.#cancelTimer?.();
    await this.#server.stop();
  }

  #plugins(query: Query): Statistics[] {
    const { includeConfig, includeRetry } = this.#config;
    const options: StatisticsOptions = {
      withConfig: flag(query, "with_config", includeConfig),
      withRetry: flag(query, "with_retry", includeRetry),
      variables: query.has("debug") ? [ALL_VARIABLES] : query.get("with_ivars")?.split(","),
    };
    return this.#wanted(query).map((plugin) => statisticsOf(plugin, options));
  }

  /** By tag, else by id, else by type, else all of them. */
  #wanted(query: Query): PluginSummary[] {
    const plugins = inFluentdOrder(this.#context.plugins());
    const tag = query.get("tag");
    if (tag !== null) {
      const ids = this.#context.outputsOf(tag);
      const matching = ids.flatMap((id) => plugins.find((plugin) => plugin.id === id) ?? []);
      return matching.filter((plugin) => statisticsOf(plugin, NOTHING_MORE).output_plugin).slice(0, 1);
    }
    const id = query.get("@id") ?? query.get("id");
    if (id !== null) return plugins.filter((plugin) => plugin.id === id).slice(0, 1);
    const type = query.get("@type") ?? query.get("type");
    return type === null ? plugins : plugins.filter((plugin) => plugin.type === type);
  }

  #process(): Record<string, unknown> {
    const { process: info, system } = this.#context;
    return {
      pid: process.pid,
      ppid: process.ppid,
      version: info.version,
      config_path: info.configPath ?? null,
      pid_file: info.pidFile ?? null,
      plugin_dirs: info.pluginFolders,
      log_path: info.logPath ?? null,
      root_dir: system.rootDir ?? null,
    };
  }

  #status(): AgentStatus {
    const { clock, process: info } = this.#context;
    return agentStatus(this.#context.plugins(), info.ownVersion, clock.now());
  }

  async #emit(tag: string): Promise<void> {
    const eventTime = EventTime.fromMilliseconds(this.#context.clock.now());
    const records = inFluentdOrder(this.#context.plugins()).map((plugin) => statisticsOf(plugin, NOTHING_MORE));
    const events = EventStream.fromEvents(records.map((record) => ({ time: eventTime, record })));
    await emitBatches([{ tag, events }], this.#context);
  }
}

const NOTHING_MORE: StatisticsOptions = { withConfig: false, withRetry: false };

function flag(query: Query, name: string, fallback: boolean): boolean {
  const text = query.get(name);
  return text === null ? fallback : (parseBool(text) ?? false);
}

function json(value: unknown, query: Query): Report {
  return { type: JSON_TYPE, body: query.has("debug") ? JSON.stringify(value, null, 2) : JSON.stringify(value) };
}

/** Source: fluentd 1.18 in_monitor_agent.rb `render_ltsv`: hashes are left out. */
function ltsv(rows: readonly Record<string, unknown>[]): Report {
  const lines = rows.map((row) =>
    Object.entries(row)
      .filter(([, value]) => value === null || typeof value !== "object" || Array.isArray(value))
      .map(([name, value]) => `${name}:${value ?? ""}`)
      .join("\t"),
  );
  return { type: "text/plain", body: lines.map((line) => `${line}\n`).join("") };
}
