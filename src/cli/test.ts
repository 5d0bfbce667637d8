/** `suiro test`: cases of events or lines against a configuration, without a network, as TAP lines. */

import { hostname } from "node:os";
import { resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import { ConfigError } from "../errors.ts";
import { type CaseFile, readCaseFile } from "./cases/case-file.ts";
import { runCase } from "./cases/case-run.ts";

export interface TestOptions {
  /** For files that name no configuration. */
  readonly config?: string;
}

/** Gives 1 when a case fails or cannot be run, else 0. */
export async function test(
  files: readonly string[],
  { config }: TestOptions,
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<number> {
  let number = 0;
  let failed = 0;
  const note = (name: string, wrong: readonly string[]) => {
    number += 1;
    if (wrong.length > 0) failed += 1;
    print(`${wrong.length > 0 ? "not ok" : "ok"} ${number} - ${name}\n`);
    for (const line of wrong.flatMap((text) => text.split("\n"))) print(`  # ${line}\n`);
  };
  for (const file of files) {
    try {
      await testFile(readCaseFile(resolve(file)), config, note);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      note(file, [error.message]);
    }
  }
  print(`1..${number}\n# ${number - failed} of ${number} cases hold\n`);
  return failed > 0 ? 1 : 0;
}

async function testFile(
  { config: own, environment, cases }: CaseFile,
  config: string | undefined,
  note: (name: string, wrong: readonly string[]) => void,
): Promise<void> {
  const path = own ?? config;
  if (path === undefined) throw new ConfigError("the file names no 'config', and the command line neither: -c FILE");
  const variables = { ...process.env, ...environment };
  for (const subject of cases) {
    try {
      const root = loadConfig(resolve(path), { environment: variables, hostname: hostname() });
      note(subject.name, await runCase(root, variables, subject));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      note(subject.name, [error.message]);
    }
  }
}
