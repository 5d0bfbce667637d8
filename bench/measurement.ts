/** One measurement: a subject in one row, between a load generator and a receiver of their own. */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { Companion } from "./companion.ts";
import { startKubernetesApi } from "./kubernetes-api.ts";
import type { AckTimes, LoadReport, LoadRequest } from "./load.ts";
import { readUsage } from "./process-usage.ts";
import type { ReceiverReport } from "./receiver.ts";
import type { Row } from "./rows.ts";
import { type RunningSubject, type Subject, startSubject } from "./subject.ts";

export interface Setting {
  /** build/bench. */
  readonly programs: string;
  /** Where each measurement makes its folder. */
  readonly folder: string;
  readonly certificate: { readonly ca: string; readonly certificate: string; readonly key: string };
  readonly warmUpMs: number;
  readonly loadMs: number;
  /** Told what happens now. */
  readonly onPhase: (phase: string) => void;
}

export interface Measurement {
  readonly events: number;
  /** From the first byte of load to the arrival of the last event; of a late receiver, from its first event on. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Of the agent's whole process tree. */
  readonly cpuMicrosecondsPerEvent: number;
  /** CPU seconds per second: 1 is one core. */
  readonly cores: number;
  /** From its start until it listened. */
  readonly startMs: number;
  readonly startCpuMs: number;
  readonly idleBytes: number;
  readonly peakBytes: number;
  /** Undefined where the load has no acks. */
  readonly ackMs: AckTimes | undefined;
  readonly lost: number;
  readonly duplicates: number;
}

/** An agent that delivers nothing for so long will not deliver any more. */
const STALL_TIMEOUT_MS = 40_000;
const POLL_MS = 50;
/** Time for a fresh agent to settle before its idle memory is read. */
const SETTLE_MS = 1_000;

/** Throws Error when the agent does not start, ends, or refuses the load. */
export async function measure(subject: Subject, row: Row, setting: Setting): Promise<Measurement> {
  const folder = mkdtempSync(join(setting.folder, `${subject.name}-${row.name}-`));
  const [port, receiverPort] = [await freePort(), await freePort()];
  const { ca, certificate, key } = setting.certificate;
  const api = row.load.kind === "tail" && row.filters ? await startKubernetesApi(row.load.files) : undefined;
  const relay = { row, port, receiverPort, caPath: ca, folder, apiUrl: api?.url ?? "" };
  const companions: Companion[] = [];
  const start = async (program: string, args: (string | number)[]) => {
    const companion = new Companion(join(setting.programs, program), [row.name, ...args.map(String)]);
    companions.push(companion);
    await companion.next();
    return companion;
  };
  const startReceiver = () => start("receiver.js", [receiverPort, certificate, key]);
  const startGenerator = (target: string | number) => start("load-generator.js", [target]);
  try {
    const receiver = row.receiverComesLate ? undefined : await startReceiver();
    const files = row.load.kind === "tail" ? await startGenerator(folder) : undefined;
    const agent = await startSubject(subject, relay);
    let generator = files;
    try {
      generator ??= await startGenerator(port);
      return await Promise.race([agent.ended, drive({ agent, generator, receiver, startReceiver }, setting)]);
    } finally {
      await generator?.stop(); // Before the agent: it would miss its connections.
      await agent.stop();
    }
  } finally {
    for (const companion of companions) await companion.stop();
    await api?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Parties {
  readonly agent: RunningSubject;
  readonly generator: Companion;
  /** Undefined when it comes late. */
  readonly receiver: Companion | undefined;
  readonly startReceiver: () => Promise<Companion>;
}

const NO_LOAD: LoadReport = { startedAt: 0, cycles: 0, events: 0, ackMs: undefined };

async function drive(parties: Parties, { warmUpMs, loadMs, onPhase }: Setting): Promise<Measurement> {
  const { agent, generator } = parties;
  const run = (durationMs: number) => generator.ask<LoadReport>({ durationMs } satisfies LoadRequest);
  onPhase("settles");
  await pause(SETTLE_MS);
  const idle = readUsage(agent.pid);

  onPhase("warms up");
  const warmUp = parties.receiver ? await run(warmUpMs) : NO_LOAD;
  if (parties.receiver) await delivered(parties.receiver, warmUp.events);

  onPhase("under load");
  const before = readUsage(agent.pid);
  const load = await run(loadMs);
  onPhase("delivers the rest");
  const receiver = parties.receiver ?? (await parties.startReceiver());
  const received = await delivered(receiver, warmUp.events + load.events);
  const after = readUsage(agent.pid);

  const seconds = (received.lastAt - (parties.receiver ? load.startedAt : received.firstAt)) / 1000;
  const cpuMs = after.cpuMs - before.cpuMs;
  const surplus = received.arrivals.map((count) => count - warmUp.cycles - load.cycles);
  return {
    events: load.events,
    seconds,
    eventsPerSecond: load.events / seconds,
    cpuMicrosecondsPerEvent: (cpuMs * 1000) / load.events,
    cores: cpuMs / 1000 / seconds,
    startMs: agent.startMs,
    startCpuMs: agent.startCpuMs,
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
