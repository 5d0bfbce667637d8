/**
 * A process that loads the agent: `load-generator.js ROW PORT|FOLDER`, driven over IPC. It says when it is ready, and
 * answers every LoadRequest with a LoadReport once the agent has taken the load.
 */

import { connectAll } from "./frame-sender.ts";
import { postAll } from "./http-poster.ts";
import { appendLines } from "./line-appender.ts";
import type { AckTimes, Load, LoadReport, LoadRequest } from "./load.ts";
import { eventsPerCycle, type Row, rowNamed } from "./rows.ts";
import { writeSyslog } from "./syslog-writer.ts";

const [rowName, target = ""] = process.argv.slice(2);
const row = rowNamed(rowName);
const load = loadOf(row);

process.on("message", async ({ durationMs }: LoadRequest) => {
  const startedAt = Date.now();
  const { cycles, acks } = await load(durationMs);
  const events = cycles * eventsPerCycle(row);
  process.send?.({ startedAt, cycles, events, ackMs: ackTimes(acks) } satisfies LoadReport);
});
process.on("disconnect", () => process.exit());
process.send?.("ready");

function loadOf({ load }: Row): Load {
  switch (load.kind) {
    case "tail":
      return appendLines(load, target);
    case "http":
      return postAll(load, Number(target));
    case "syslog":
      return writeSyslog(load, Number(target));
    case "forward":
      return connectAll(load, Number(target));
  }
}

function ackTimes(acks: number[]): AckTimes | undefined {
  if (acks.length === 0) return undefined;
  acks.sort((a, b) => a - b);
  const at = (part: number) => acks[Math.ceil(acks.length * part) - 1] as number;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
