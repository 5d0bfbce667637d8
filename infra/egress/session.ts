/** What every subcommand works with. */

import type { Gcloud, RunProgram } from "./gcloud.ts";
import type { RunOptions, Settings } from "./settings.ts";

export interface Session {
  readonly settings: Settings;
  readonly options: RunOptions;
  readonly gcloud: Gcloud;
  readonly environment: NodeJS.ProcessEnv;
  /** Text of the start-up script. */
  readonly script: string;
  /** Prints a line for people. */
  say(line: string): void;
  /** Prints the result for programs, with --json. */
  json(value: unknown): void;
  readonly runProgram: RunProgram;
  sleep(milliseconds: number): Promise<void>;
}
