/**
 * A case of the conformance run: a folder of test/interop/cases with
 *
 * | file        | holds                                                                                           |
 * |-------------|-------------------------------------------------------------------------------------------------|
 * | note.md     | what the case is about; a line `Improvement: …` names a difference that is meant, and its reason |
 * | fluent.conf | the configuration; whatever no `<match>` takes goes to the receiver                             |
 * | steps       | what happens while it runs, one step a line (steps.ts)                                          |
 * | improved.json | only with an `Improvement:`: what Suiro leaves behind instead                              |
 * | others      | input: copied into the case's folder `__DIR__` before the start                                 |
 *
 * In fluent.conf and steps `__DIR__` is the case's own folder, `__PORT__` and `__PORT2__` are free ports.
 * Before its first step a case may say `kubernetes plain` (a Kubernetes API with the objects of
 * test/interop/kubernetes-objects.json is at `__PORT__` before the start) or `kubernetes tls` (it speaks HTTPS, wants the
 * token in the case's file `token`, and its authority stands in `ca.pem`), `alone` (a process of its own, with the
 * configuration as it is written), and `env NAME=VALUE` (cases with the same variables share a process).
 *
 * msgpack's bin and str count as different, but in the names of fields: those Suiro always writes as str.
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ConformanceCase {
  readonly name: string;
  readonly folder: string;
  readonly config: string;
  readonly steps: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly isAlone: boolean;
  /** The Kubernetes API that the case needs. */
  readonly kubernetes: "plain" | "tls" | undefined;
  /** Why the outcome differs from fluentd's on purpose. */
  readonly improvement: string | undefined;
  /** What Suiro leaves behind where it differs. */
  readonly improved: unknown;
}

/** Every case below `root`, by name; only those whose name contains one of `wanted`, where any is given. */
export function readCases(root: string, wanted: readonly string[]): ConformanceCase[] {
  return readdirSync(root)
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .sort()
    .map((name) => readCase(root, name));
}

function readCase(root: string, name: string): ConformanceCase {
  const folder = join(root, name);
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const lines = read("steps")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const environment = lines.flatMap((line) => {
    const [, key, value] = /^env (\w+)=(.*)$/.exec(line) ?? [];
    return key === undefined ? [] : [[key, value as string] as const];
  });
  const api = lines.find((line) => line.startsWith("kubernetes "))?.split(" ")[1];
  return {
    name,
    folder,
    config: read("fluent.conf"),
    steps: lines.filter((line) => !/^(alone$|env |kubernetes )/.test(line)),
    kubernetes: api as ConformanceCase["kubernetes"],
    environment: Object.fromEntries(environment),
    isAlone: lines.includes("alone"),
    improvement: /^Improvement: (.+)/ms.exec(read("note.md"))?.[1]?.trim(),
    improved: existsSync(join(folder, "improved.json")) ? JSON.parse(read("improved.json")) : undefined,
  };
}

const OWN_FILES = new Set(["note.md", "fluent.conf", "steps", "improved.json"]);

/** Puts the case's input files into `target`. */
export function placeInput({ folder }: ConformanceCase, target: string): void {
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(folder).filter((file) => !OWN_FILES.has(file))) {
    if (!existsSync(join(target, name))) cpSync(join(folder, name), join(target, name), { recursive: true });
  }
}
