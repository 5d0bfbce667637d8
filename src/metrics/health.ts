/**
 * What Kubernetes asks: alive (`/healthz`), else the process is started again; ready (`/readyz`), else it gets no
 * traffic. Alive is who can answer at all, so that the event loop turns, and whose disks answer. Ready is whose plugins
 * run and whose buffers have room, on disks that take events. A receiver that is down makes neither false: the buffer is
 * there for that. A disk that refuses events is told by both, and makes nobody unalive: no restart mends it.
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
      ["/healthz", async () => verdict(await this.illnesses(), this.complaints())],
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
    return plugins
      .flatMap((plugin) => {
        const { kind, id, owner, isRunning } = plugin;
        if (owner === undefined && !isRunning) return [`${kind} ${id} is not running`];
        const { buffer } = plugin.report();
        if (!buffer || buffer.totalBytes < buffer.totalLimitBytes) return [];
        return [`the buffer of ${id} is full: ${buffer.totalBytes} of ${buffer.totalLimitBytes} bytes`];
      })
      .concat(this.complaints());
  }

  /** What is wrong and no restart mends: disks that refuse events. */
  complaints(): string[] {
    return this.#plugins().flatMap((plugin) => {
      const failure = plugin.report().buffer?.diskFailure;
      return failure === undefined ? [] : [`the buffer of ${plugin.id} takes no events: ${failure}`];
    });
  }
}

/** `complaints` are told, and change nothing. */
function verdict(reasons: readonly string[], complaints: readonly string[] = []): Report {
  const lines = reasons.length === 0 ? ["ok", ...complaints] : [...reasons, ...complaints];
  const body = `${lines.join("\n")}\n`;
  return reasons.length === 0 ? { type: "text/plain", body } : { status: 503, type: "text/plain", body };
}
