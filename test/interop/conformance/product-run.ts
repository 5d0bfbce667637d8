/** Many cases in one process of a product: fluentd or Suiro. What comes out of each is its outcome. */

import { setMaxListeners } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CertificateAuthority } from "../../../src/tls/certificate-authority.ts";
import { ChildProgram } from "../../support/child-program.ts";
import { startFluentd } from "../../support/fluentd.ts";
import { freePort } from "../../support/free-port.ts";
import { KubernetesApiServer, type KubernetesObject } from "../../support/kubernetes-api-server.ts";
import { stringText } from "../../support/msgpack-text.ts";
import { startSuiro, suiroEntry } from "../../support/suiro.ts";
import { composeAlone, composePart } from "./composition.ts";
import { type ConformanceCase, placeInput } from "./conformance-case.ts";
import { ExactReceiver } from "./exact-receiver.ts";
import { runSteps } from "./steps.ts";

export type ProductName = "fluentd" | "suiro";

/** What a case left behind. */
export interface Outcome {
  /** Of each tag, its events in the order in which they came: `time record`. */
  readonly events: Readonly<Record<string, readonly string[]>>;
  /** What clients were answered. */
  readonly answers: readonly string[];
  /** Each `*.pos` file's lines: path, offset, and the name that the file of this inode now has. */
  readonly positions: Readonly<Record<string, readonly string[]>>;
  /** Why the case did not come to its end: a refused configuration, events that never came. */
  readonly failure: string | undefined;
}

const CASE_TIMEOUT_MS = 30_000;

interface CaseRun {
  readonly subject: ConformanceCase;
  readonly folder: string;
  readonly receiver: ExactReceiver;
  readonly kubernetes: KubernetesApiServer | undefined;
  readonly ports: readonly number[];
  readonly answers: string[];
  failure: string | undefined;
}

/** Runs `cases`, which share environment and process, below `root`. */
export async function runProduct(
  product: ProductName,
  cases: readonly ConformanceCase[],
  root: string,
): Promise<Map<string, Outcome>> {
  const folder = join(root, product);
  const runs = await Promise.all(cases.map((subject) => prepare(subject, folder)));
  const environment = Object.fromEntries(
    Object.entries(cases[0]?.environment ?? {}).map(([key, value]) => [key, filled(value, runs[0] as CaseRun)]),
  );
  const configPath = join(folder, "all.conf");
  const accepted = await writeConfig(product, runs, configPath, environment);
  const startedAt = Date.now();
  if (accepted.length > 0) {
    const start = product === "fluentd" ? startFluentd : startSuiro;
    const program = await start(configPath, [], environment);
    try {
      await Promise.all(accepted.map((run) => play(run, program)));
    } finally {
      await program.stop();
    }
    if (process.env.SUIRO_CONFORMANCE_LOG) writeFileSync(join(folder, "log"), program.output);
  }
  const outcomes = new Map(runs.map((run) => [run.subject.name, outcomeOf(run, folder, startedAt)]));
  for (const { receiver, kubernetes } of runs) {
    receiver.close();
    await kubernetes?.close();
  }
  if (process.env.SUIRO_CONFORMANCE_LOG) {
    writeFileSync(join(folder, "outcomes.json"), JSON.stringify(Object.fromEntries(outcomes), null, 2));
  }
  return outcomes;
}

async function prepare(subject: ConformanceCase, root: string): Promise<CaseRun> {
  const folder = join(root, subject.name);
  placeInput(subject, folder);
  const receiver = await ExactReceiver.listen();
  const ports = [await freePort(), await freePort()];
  const kubernetes = await kubernetesFor(subject, folder, ports[0] as number);
  return { subject, folder, receiver, kubernetes, ports, answers: [], failure: undefined };
}

/** The API that the case wants, listening. */
async function kubernetesFor(subject: ConformanceCase, folder: string, port: number) {
  if (!subject.kubernetes) return undefined;
  const server = new KubernetesApiServer(subject.kubernetes === "tls" ? await tlsOptions(folder) : {});
  const path = join(subject.folder, "..", "..", "kubernetes-objects.json");
  const objects = JSON.parse(readFileSync(path, "utf8")) as KubernetesObject[];
  for (const object of objects) server.put(object);
  return server.listen(port);
}

async function tlsOptions(folder: string) {
  const authority = await CertificateAuthority.create({ commonName: "Cluster CA" });
  const issued = await authority.issue({ commonName: "kubernetes", names: ["127.0.0.1"] });
  writeFileSync(join(folder, "ca.pem"), authority.certificatePem);
  const token = readFileSync(join(folder, "token"), "utf8").trim();
  return { tls: { cert: issued.certificatePem, key: issued.privateKeyPem }, token: () => token };
}

/** `__RECEIVER__` is the receiver's port, for cases that say themselves where events go. */
function filled(text: string, { folder, ports, receiver }: CaseRun): string {
  return text
    .replaceAll("__RECEIVER__", String(receiver.port))
    .replaceAll("__DIR__", folder)
    .replaceAll("__PORT__", String(ports[0]))
    .replaceAll("__PORT2__", String(ports[1]));
}

/** Writes the common configuration. A case that Suiro refuses is left out of it, with the reason as its failure. */
async function writeConfig(
  product: ProductName,
  runs: readonly CaseRun[],
  path: string,
  environment: NodeJS.ProcessEnv,
): Promise<CaseRun[]> {
  for (const run of runs) {
    const text = filled(run.subject.config, run);
    const parts = {
      name: run.subject.name,
      text,
      receiverPort: run.receiver.port,
      sendsItself: /^<match \*\*>/m.test(run.subject.config),
    };
    writeFileSync(partPath(path, run), run.subject.isAlone ? composeAlone(parts) : composePart(parts));
    for (const name of readdirSync(run.folder, { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".conf")) continue;
      const included = join(run.folder, name);
      writeFileSync(included, filled(readFileSync(included, "utf8"), run));
    }
  }
  for (;;) {
    const accepted = runs.filter((run) => run.failure === undefined);
    writeFileSync(path, accepted.map((run) => `@include ${partPath(path, run)}\n`).join(""));
    if (product === "fluentd" || accepted.length === 0) return accepted;
    const check = ChildProgram.start(process.execPath, [suiroEntry, "check", "-c", path], {
      ...process.env,
      ...environment,
    });
    if ((await check.exited) === 0) return accepted;
    const refused = accepted.filter((run) => {
      const errors = check.output
        .split("\n")
        .filter(
          (line) =>
            line.includes(": error: ") && (line.includes(`/${partName(run)}`) || line.includes(`${run.folder}/`)),
        );
      if (errors.length > 0) run.failure = `refused: ${errors.map((line) => line.split("/").pop()).join("; ")}`;
      return errors.length > 0;
    });
    if (refused.length === 0) throw new Error(`Suiro refuses the common configuration:\n${check.output}`);
  }
}

function partPath(path: string, run: CaseRun): string {
  return join(dirname(path), partName(run));
}

function partName({ subject }: CaseRun): string {
  return `case-${subject.name}.conf`;
}

async function play(run: CaseRun, program: ChildProgram): Promise<void> {
  const { folder, receiver, answers } = run;
  const signal = AbortSignal.timeout(CASE_TIMEOUT_MS);
  setMaxListeners(0, signal);
  const lines = run.subject.steps.map((line) => filled(line, run));
  try {
    await runSteps(lines, { folder, receiver, program, signal, answers });
  } catch (error) {
    run.failure = (error as Error).message;
  }
}

/** Paths lose the product's own part, and times of the run itself become `now`. */
function outcomeOf(run: CaseRun, folder: string, startedAt: number): Outcome {
  const plain = (text: string) => text.replaceAll(folder, "/run").replaceAll(dotted(folder), "run");
  const events: Record<string, string[]> = {};
  for (const { tag, time, record } of run.receiver.events) {
    (events[plain(tag)] ??= []).push(`${timeText(time, startedAt)} ${withoutPorts(plain(readable(record)), run)}`);
  }
  const positions: Record<string, string[]> = {};
  for (const name of readdirSync(run.folder).filter((file) => file.endsWith(".pos"))) {
    positions[name] = positionLines(run.folder, name).map(plain);
  }
  return {
    events,
    answers: run.answers.map((answer) => withoutPorts(plain(answer), run)),
    positions,
    failure: run.failure,
  };
}

/** Binaries that are letters as `bin"letters"`; in names of fields as any other text. */
function readable(record: string): string {
  return record.replace(/\bbin:((?:[0-9a-f]{2})*)(?=([:,}\]]))/g, (whole, hex: string, next: string) => {
    const text = stringText(Buffer.from(hex, "hex"));
    if (next === ":") return text;
    return text.startsWith('"') ? `bin${text}` : whole;
  });
}

/** A port stands behind a host; the same digits elsewhere, as in `time:1699967600`, are not one. */
function withoutPorts(text: string, { ports }: CaseRun): string {
  return text.replace(new RegExp(`(?<=127\\.0\\.0\\.1|localhost|\\]):(?:${ports.join("|")})(?!\\d)`, "g"), ":PORT");
}

/** As a tag that was made of a path. */
function dotted(path: string): string {
  return path.replaceAll("/", ".").replace(/^\./, "");
}

/** How far the clocks of the run may be from the times of its events. */
const NOW_MARGIN_S = 5;

function timeText(time: string, startedAt: number): string {
  const [, kind = "", seconds] = /^(time:)?(\d+)/.exec(time) ?? [];
  const isNow =
    Number(seconds) >= startedAt / 1000 - NOW_MARGIN_S && Number(seconds) <= Date.now() / 1000 + NOW_MARGIN_S;
  return isNow ? `${kind}now` : time;
}

function positionLines(folder: string, name: string): string[] {
  const names = new Map(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => existsSync(join(folder, file)))
      .map((file) => [statSync(join(folder, file)).ino, file]),
  );
  return readFileSync(join(folder, name), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [path, offset, inode = ""] = line.split("\t");
      const number = Number.parseInt(inode, 16);
      return `${path} ${offset} ${names.get(number) ?? (number === 0 ? "none" : "gone")}`;
    })
    .sort();
}

/** A folder for one group of cases. */
export function groupFolder(root: string, index: number): string {
  const folder = join(root, String(index));
  for (const product of ["fluentd", "suiro"]) mkdirSync(join(folder, product), { recursive: true });
  return folder;
}
