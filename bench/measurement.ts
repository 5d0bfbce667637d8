/** One measurement: a subject under one mode of load, between a load generator and a receiver of their own. */

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
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

const DRAIN_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** Time for a fresh agent to settle before its idle memory is read. */
const SETTLE_MS = 1_000;

/** Throws Error when the agent does not start, ends, or does not deliver. */
export async function measure(subject: Subject, mode: Mode, setting: Setting): Promise<Measurement> {
  const folder = mkdtempSync(join(setting.folder, `${subject.name}-${mode.name}-`));
  const { ca, certificate, key } = setting.certificate;
  const receiver = fork(join(setting.programs, "receiver.js"), [mode.name, certificate, key]);
  const [receiverPort] = (await once(receiver, "message")) as [number];
  const port = await freePort();
  try {
    const agent = await startSubject(subject, { port, receiverPort, caPath: ca, folder });
    try {
      return await Promise.race([agent.ended, drive(agent.pid, port, receiver, mode, setting)]);
    } finally {
      await agent.stop();
    }
  } finally {
    receiver.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function drive(pid: number, port: number, receiver: ChildProcess, mode: Mode, setting: Setting) {
  await pause(SETTLE_MS);
  const idle = readUsage(pid);
  const generator = fork(join(setting.programs, "load-generator.js"), [mode.name, String(port)]);
  const failed = once(generator, "exit").then((): never => {
    throw new Error("the load generator ended");
  });
  failed.catch(() => {});
  try {
    const warmUp = await load(generator, failed, setting.warmUpMs);
    await delivered(receiver, warmUp.events);
    const before = readUsage(pid);
    const report = await load(generator, failed, setting.loadMs);
    const received = await delivered(receiver, warmUp.events + report.events);
    const after = readUsage(pid);

    const seconds = (received.lastAt - report.startedAt) / 1000;
    const cpuMs = after.cpuMs - before.cpuMs;
    const surplus = received.arrivals.map((count) => count - warmUp.cycles - report.cycles);
    return {
      events: report.events,
      seconds,
      eventsPerSecond: report.events / seconds,
      cpuMicrosecondsPerEvent: (cpuMs * 1000) / report.events,
      cores: cpuMs / 1000 / seconds,
      idleBytes: idle.residentBytes,
      peakBytes: after.peakBytes,
      ackMs: report.ackMs,
      lost: surplus.reduce((sum, count) => sum + Math.max(0, -count), 0),
      duplicates: surplus.reduce((sum, count) => sum + Math.max(0, count), 0),
    };
  } finally {
    if (generator.connected) generator.disconnect();
  }
}

async function load(generator: ChildProcess, failed: Promise<never>, durationMs: number): Promise<LoadReport> {
  generator.send({ durationMs } satisfies LoadRequest);
  const [report] = (await Promise.race([once(generator, "message"), failed])) as [LoadReport];
  return report;
}

/** Waits until the receiver has so many events, or none came for long. What is missing then shows as lost. */
async function delivered(receiver: ChildProcess, events: number): Promise<ReceiverReport> {
  const deadline = Date.now() + DRAIN_TIMEOUT_MS;
  for (;;) {
    receiver.send("report");
    const [report] = (await once(receiver, "message")) as [ReceiverReport];
    if (report.events >= events || Date.now() > deadline) return report;
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
