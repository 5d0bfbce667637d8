/** The state of an agent as one JSON object: what `suiro top` and the status page show. Rates are for who asks twice. */

import type { LedgerReport } from "../event/ledger.ts";
import type { AccountReport, PluginSummary } from "../plugin.ts";
import { inFluentdOrder } from "./fluentd-statistics.ts";

export interface PluginStatus {
  readonly id: string;
  readonly kind: PluginSummary["kind"];
  readonly type: string;
  readonly level: string;
  /** What stands behind the section's name: its pattern. */
  readonly pattern: string;
  readonly owner: string | undefined;
  readonly targets: readonly string[];
  readonly isRunning: boolean;
  readonly received: number;
  readonly emitted: number;
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly buffer?: {
    readonly events: number;
    readonly bytes: number;
    readonly limitBytes: number;
    readonly chunks: number;
    readonly awaitingAck: number;
    readonly retries: number;
    readonly nextRetryMs: number | undefined;
    readonly lastDeliveryMs: number | undefined;
    readonly folder: string | undefined;
  };
  /** Across restarts. */
  readonly account?: AccountReport;
  readonly flow?: LedgerReport;
  readonly nodes?: readonly {
    readonly name: string;
    readonly isAvailable: boolean;
    readonly lastAckAgeSeconds?: number;
  }[];
  readonly files?: readonly { readonly path: string; readonly lagBytes: number; readonly lagSeconds: number }[];
}

export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  readonly memoryBytes: number;
  readonly cpuSeconds: number;
  readonly plugins: readonly PluginStatus[];
}

/** Of many files those that lag most. */
const MOST_FILES = 20;

export function agentStatus(plugins: readonly PluginSummary[], version: string, timeMs: number): AgentStatus {
  const { user, system } = process.cpuUsage();
  return {
    version,
    pid: process.pid,
    uptimeSeconds: process.uptime(),
    timeMs,
    memoryBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    plugins: inFluentdOrder(plugins).map(pluginStatus),
  };
}

function pluginStatus(plugin: PluginSummary): PluginStatus {
  const { id, kind, type, level, element, owner, targets, isRunning, counters } = plugin;
  const { account, buffer, flow, nodes, files } = plugin.report();
  return {
    id,
    kind,
    type,
    level,
    pattern: element.argument,
    owner,
    targets,
    isRunning,
    received: counters.get("received_events"),
    emitted: counters.get("emitted_events"),
    delivered: counters.get("delivered_events"),
    dropped: Object.fromEntries(
      [...counters.entries()].flatMap(({ name, reason, value }) =>
        name === "dropped_events" ? [[reason, value]] : [],
      ),
    ),
    ...(buffer && {
      buffer: {
        events: buffer.events,
        bytes: buffer.totalBytes,
        limitBytes: buffer.totalLimitBytes,
        chunks: buffer.stageLength + buffer.queueLength,
        awaitingAck: buffer.awaitingAck,
        retries: buffer.retry ? buffer.retry.steps + 1 : 0,
        nextRetryMs: buffer.retry?.nextTimeMs,
        lastDeliveryMs: buffer.lastDeliveryMs,
        folder: buffer.folder,
      },
    }),
    ...(account && { account }),
    ...(flow && { flow }),
    ...(nodes && {
      nodes: nodes.map(({ name, isAvailable, lastAckAgeSeconds }) => ({
        name,
        isAvailable,
        ...(lastAckAgeSeconds !== undefined && { lastAckAgeSeconds }),
      })),
    }),
    ...(files && {
      files: files
        .map(({ path, position, byteSize, lagSeconds = 0 }) => ({ path, lagBytes: byteSize - position, lagSeconds }))
        .sort((left, right) => right.lagBytes - left.lagBytes)
        .slice(0, MOST_FILES),
    }),
  };
}
