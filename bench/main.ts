/**
 * `npm run bench`: load generator → agent → TLS receiver, for Suiro, fluentd where it is installed, and the floor.
 *
 *   --only PART,…       only modes and subjects whose names contain a part: --only message,suiro
 *   --runs N            measurements of each, interleaved (3)
 *   --seconds N         load per measurement (5)
 *   --quick             one run of 2 seconds
 *
 * It measures and judges nothing; the table and the figures go to bench/results/.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CertificateAuthority } from "../src/tls/certificate-authority.ts";
import { type Mode, modes } from "./frames.ts";
import { measure, type Setting } from "./measurement.ts";
import { describeMachine, markdown, type Result } from "./report.ts";
import { type Subject, subjects } from "./subject.ts";

const programs = dirname(fileURLToPath(import.meta.url));
const root = join(programs, "..", "..");

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    runs: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const runs = Number(options.runs ?? (options.quick ? 1 : 3));
const seconds = Number(options.seconds ?? (options.quick ? 2 : 5));

const chosenModes = chosen(modes);
const chosenSubjects = chosen(subjects(root)).filter((subject) => {
  if (subject.absent) console.error(`${subject.name} is left out: ${subject.absent}`);
  return !subject.absent;
});
const results = chosenModes.flatMap((mode) =>
  chosenSubjects.map((subject): Result => ({ mode, subject: subject.name, runs: [], failures: [] })),
);

const folder = mkdtempSync(join(tmpdir(), "suiro-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
await measureAll({
  programs,
  folder,
  certificate: await makeCertificates(folder),
  warmUpMs: options.quick ? 500 : 1500,
  loadMs: seconds * 1000,
});
const machine = describeMachine({ runs, "seconds of load": seconds });
const table = markdown(results, machine);
process.stdout.write(`\n${table}`);
save(table);

/** Run by run, so that a slow minute of the machine hits every subject alike. */
async function measureAll(setting: Setting): Promise<void> {
  const total = runs * chosenModes.length * chosenSubjects.length;
  let done = 0;
  for (let run = 0; run < runs; run += 1) {
    for (const mode of chosenModes) {
      for (const subject of rotated(chosenSubjects, run)) {
        const title = `[${++done}/${total}] ${mode.name} ${subject.name}`;
        console.error(`${title}: ${await measureOne(subject, mode, setting)}`);
      }
    }
  }
}

async function measureOne(subject: Subject, mode: Mode, setting: Setting): Promise<string> {
  const result = results.find((entry) => entry.mode === mode && entry.subject === subject.name) as Result;
  try {
    const measured = await measure(subject, mode, setting);
    result.runs.push(measured);
    const rate = Math.round(measured.eventsPerSecond).toLocaleString("en");
    return `${rate} events/s, ${measured.cpuMicrosecondsPerEvent.toFixed(2)} µs CPU per event, ${measured.cores.toFixed(2)} cores`;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    result.failures.push(message);
    return `failed: ${message}`;
  }
}

async function makeCertificates(target: string): Promise<Setting["certificate"]> {
  const authority = await CertificateAuthority.create({ commonName: "Benchmark CA" });
  const issued = await authority.issue({ commonName: "localhost", names: ["localhost", "127.0.0.1"] });
  const write = (name: string, pem: string) => {
    writeFileSync(join(target, name), pem, { mode: 0o600 });
    return join(target, name);
  };
  return {
    ca: write("ca.pem", authority.certificatePem),
    certificate: write("receiver.pem", issued.certificatePem),
    key: write("receiver-key.pem", issued.privateKeyPem),
  };
}

function save(text: string): void {
  const target = join(root, "bench", "results");
  mkdirSync(target, { recursive: true });
  const name = new Date().toISOString().slice(0, 16).replace(":", "-");
  writeFileSync(join(target, `${name}.md`), text);
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
  console.error(`bench/results/${name}.md`);
}

/** Those that --only names, whole or in part; parts that name nothing of this kind do not count. */
function chosen<T extends { readonly name: string }>(all: readonly T[]): T[] {
  const named = options.only.split(",").flatMap((part) => {
    const exact = all.filter(({ name }) => name === part);
    return exact.length > 0 || part === "" ? exact : all.filter(({ name }) => name.includes(part));
  });
  return named.length > 0 ? all.filter((item) => named.includes(item)) : [...all];
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % Math.max(items.length, 1);
  return [...items.slice(at), ...items.slice(0, at)];
}
