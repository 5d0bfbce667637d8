/**
 * What Kubernetes asks: alive (`/healthz`), else the process is started again; ready (`/readyz`), else it gets no
 * traffic. Alive is who can answer at all, so that the event loop turns, and whose disks answer. Ready is whose plugins
 * run and whose buffers have room. A receiver that is down makes neither false: the buffer is there for that.
 */

import type { Clock } from "../clock.ts";
import type { PluginSummary } from "../plugin.ts";
import { DiskProbe } from "./disk-probe.ts";
import type { Report, Reporter } from "./report-server.ts";

export class Health {
  readonly #plugins: () => readonly PluginSummary[];
  readonly #disks: DiskProbe;

  /** `plugins` gives those of the agent that runs now. */
  constructor(plugins: () => readonly PluginSummary[], clock: Clock) {
    this.#plugins = plugins;
    this.#disks = new DiskProbe(clock);
  }

  /** By path. */
  get reports(): [path: string, Reporter][] {
    return [
      ["/healthz", async () => verdict(await this.illnesses())],
      ["/readyz", () => verdict(this.obstacles())],
    ];
  }

  /** Why the process should be started again; empty when it is well. */
  async illnesses(): Promise<string[]> {
    const reports = this.#plugins().map((plugin) => plugin.report());
    const folders = new Set(reports.flatMap(({ buffer, folders = [] }) => [buffer?.folder ?? [], folders].flat()));
    const answers = await Promise.all(
      [...folders].map(async (folder) => ((await this.#disks.answers(folder)) ? [] : [folder])),
    );
    return answers.flat().map((folder) => `the disk under ${folder} does not answer`);
  }

  /** Why the process should get no events now; empty when it should. */
  obstacles(): string[] {
    const plugins = this.#plugins();
    if (plugins.length === 0) return ["no configuration runs"];
    return plugins.flatMap((plugin) => {
      const { kind, id, owner, isRunning } = plugin;
      if (owner === undefined && !isRunning) return [`${kind} ${id} is not running`];
      const { buffer } = plugin.report();
      if (!buffer || buffer.totalBytes < buffer.totalLimitBytes) return [];
      return [`the buffer of ${id} is full: ${buffer.totalBytes} of ${buffer.totalLimitBytes} bytes`];
    });
  }
}

function verdict(reasons: readonly string[]): Report {
  if (reasons.length === 0) return { type: "text/plain", body: "ok\n" };
  return { status: 503, type: "text/plain", body: `${reasons.join("\n")}\n` };
}
