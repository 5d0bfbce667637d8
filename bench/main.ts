/**
 * `npm run bench`: load generator → agent → TLS receiver, for Suiro, fluentd where it is installed, and the floor. The
 * table, the figures and the chart go to bench/results/. See docs/performance.md.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CertificateAuthority } from "../src/tls/certificate-authority.ts";
import { chart } from "./chart.ts";
import { type Guard, guardOf, worsened } from "./guard.ts";
import { describeMachine } from "./machine.ts";
import { measure, type Setting } from "./measurement.ts";
import { Progress } from "./progress.ts";
import { markdown } from "./report.ts";
import type { Result } from "./result.ts";
import { rows } from "./rows.ts";
import { subjects } from "./subject.ts";

/** Agents run for weeks: what their compilers take at first is no part of what an event costs. */
const WARM_UP_MS = 5000;

const programs = dirname(fileURLToPath(import.meta.url));
const root = join(programs, "..", "..");
const guardPath = join(root, "bench", "guard.json");

const USAGE = `usage: npm run bench -- [options]

  --only PART,…       only rows and subjects whose names contain a part: --only message,suiro
  --runs N            measurements of each, interleaved (3)
  --seconds N         load per measurement (5)
  --quick             one run of 2 seconds
  --before FOLDER     measure another build of Suiro, too: a worktree of an older commit, compiled
  --ack-after MODE    measure Suiro with this ack_after, too: written or delivered, beside its default synced
  --profile FOLDER    write CPU profiles of Suiro
  --guard             fail where Suiro has become slower beside the floor or fluentd than bench/guard.json has it
  --save-guard        write bench/guard.json from this run`;

const options = readOptions();
const runs = Number(options.runs ?? (options.quick ? 1 : 3));
const seconds = Number(options.seconds ?? (options.quick ? 2 : 5));

const chosenSubjects = chosen(
  subjects(root, { profileFolder: options.profile, beforeFolder: options.before, ackAfter: options["ack-after"] }),
).filter((subject) => {
  if (subject.absent) console.error(`${subject.name} is left out: ${subject.absent}`);
  return !subject.absent;
});
const results = chosen(rows).flatMap((row) =>
  chosenSubjects
    .filter((subject) => subject.takes(row))
    .map((subject): Result => ({ row, subject: subject.name, runs: [], failures: [] })),
);

const folder = mkdtempSync(join(tmpdir(), "suiro-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
const progress = new Progress(runs * results.length);
await measureAll({
  programs,
  folder,
  certificate: await makeCertificates(folder),
  warmUpMs: options.quick ? 500 : WARM_UP_MS,
  loadMs: seconds * 1000,
  onPhase: (phase) => progress.phase(phase),
});
const machine = describeMachine(root, { runs, "seconds of load": seconds });
const table = markdown(results, machine);
process.stdout.write(`\n${table}`);
save();
if (options["save-guard"]) writeFileSync(guardPath, `${JSON.stringify(guardOf(results), undefined, 2)}\n`);
if (options.guard) judge(JSON.parse(readFileSync(guardPath, "utf8")));

/** What the command line says; ends the process with the usage where it asks for it, or says what is none. */
function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", default: "" },
        runs: { type: "string" },
        seconds: { type: "string" },
        quick: { type: "boolean", default: false },
        before: { type: "string" },
        "ack-after": { type: "string" },
        profile: { type: "string" },
        guard: { type: "boolean", default: false },
        "save-guard": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (!values.help) return values;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(1);
  }
}

/** Run by run, and the subjects of a row in turn, so that a slow minute of the machine hits every subject alike. */
async function measureAll(setting: Setting): Promise<void> {
  for (let run = 0; run < runs; run += 1) {
    for (const row of chosen(rows)) {
      for (const result of rotated(
        results.filter((each) => each.row === row),
        run,
      )) {
        progress.begin(`${row.name} ${result.subject}`);
        progress.end(await measureOne(result, setting));
      }
    }
  }
}

async function measureOne(result: Result, setting: Setting): Promise<string> {
  const subject = chosenSubjects.find(({ name }) => name === result.subject);
  if (!subject) throw new TypeError(`no subject ${result.subject}`);
  try {
    const measured = await measure(subject, result.row, setting);
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

function save(): void {
  const target = join(root, "bench", "results");
  mkdirSync(target, { recursive: true });
  const name = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  writeFileSync(join(target, `${name}.md`), table);
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify({ machine, results }, undefined, 2)}\n`);
  writeFileSync(join(target, `${name}.svg`), chart(results, machine));
  console.error(`bench/results/${name}.md, .json and .svg`);
}

function judge(guard: Guard): void {
  const complaints = worsened(results, guard);
  for (const complaint of complaints) console.error(complaint);
  console.error(complaints.length > 0 ? "guard: slower than before" : "guard: as fast as before");
  if (complaints.length > 0) process.exitCode = 1;
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
