/** One measurement: a subject under one mode of load, between a load generator and a receiver of their own. */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Companion } from "./companion.ts";
import type { Mode } from "./frames.ts";
import type { LoadReport, LoadRequest } from "./load-generator.ts";
import { readUsage } from "./process-usage.ts";
import type { ReceiverReport } from "./receiver.ts";
import { type Subject, startSubject } from "./subject.ts";

export interface Setting {
  /** build/bench. */
  readonly programs: string;
  /** Where each measurement makes its folder. */
  readonly folder: string;
  readonly certificate: { readonly ca: string; readonly certificate: string; readonly key: string };
  readonly warmUpMs: number;
  readonly loadMs: number;
}

export interface Measurement {
  readonly events: number;
  /** From the first byte of load to the arrival of the last event. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Of the agent's whole process tree. */
  readonly cpuMicrosecondsPerEvent: number;
  /** CPU seconds per second: 1 is one core. */
  readonly cores: number;
  readonly idleBytes: number;
  readonly peakBytes: number;
  readonly ackMs: LoadReport["ackMs"];
  readonly lost: number;
  readonly duplicates: number;
}

/** An agent that delivers nothing for so long will not deliver any more. */
const STALL_TIMEOUT_MS = 40_000;
const POLL_MS = 50;
/** Time for a fresh agent to settle before its idle memory is read. */
const SETTLE_MS = 1_000;

/** Throws Error when the agent does not start, ends, or refuses the load. */
export async function measure(subject: Subject, mode: Mode, setting: Setting): Promise<Measurement> {
  const folder = mkdtempSync(join(setting.folder, `${subject.name}-${mode.name}-`));
  const { ca, certificate, key } = setting.certificate;
  const receiver = new Companion(join(setting.programs, "receiver.js"), [mode.name, certificate, key]);
  try {
    const relay = { port: await freePort(), receiverPort: await receiver.next<number>(), caPath: ca, folder };
    const agent = await startSubject(subject, relay);
    const generator = new Companion(join(setting.programs, "load-generator.js"), [mode.name, String(relay.port)]);
    try {
      return await Promise.race([agent.ended, drive(agent.pid, generator, receiver, setting)]);
    } finally {
      generator.stop();
      await agent.stop();
    }
  } finally {
    receiver.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function drive(pid: number, generator: Companion, receiver: Companion, setting: Setting): Promise<Measurement> {
  await pause(SETTLE_MS);
  const idle = readUsage(pid);
  const warmUp = await generator.ask<LoadReport>({ durationMs: setting.warmUpMs } satisfies LoadRequest);
  await delivered(receiver, warmUp.events);

  const before = readUsage(pid);
  const load = await generator.ask<LoadReport>({ durationMs: setting.loadMs } satisfies LoadRequest);
  const received = await delivered(receiver, warmUp.events + load.events);
  const after = readUsage(pid);

  const seconds = (received.lastAt - load.startedAt) / 1000;
  const cpuMs = after.cpuMs - before.cpuMs;
  const surplus = received.arrivals.map((count) => count - warmUp.cycles - load.cycles);
  return {
    events: load.events,
    seconds,
    eventsPerSecond: load.events / seconds,
    cpuMicrosecondsPerEvent: (cpuMs * 1000) / load.events,
    cores: cpuMs / 1000 / seconds,
    idleBytes: idle.residentBytes,
    peakBytes: after.peakBytes,
    ackMs: load.ackMs,
    lost: surplus.reduce((sum, count) => sum + Math.max(0, -count), 0),
    duplicates: surplus.reduce((sum, count) => sum + Math.max(0, count), 0),
  };
}

/** Waits until the receiver has so many events, or no more come. What is missing then shows as lost. */
async function delivered(receiver: Companion, events: number): Promise<ReceiverReport> {
  const startOfWait = Date.now();
  for (;;) {
    const report = await receiver.ask<ReceiverReport>({});
    const silentMs = Date.now() - Math.max(report.lastAt, startOfWait);
    if (report.events >= events || silentMs > STALL_TIMEOUT_MS) return report;
    await pause(POLL_MS);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
