/** Runs the compiled product as a user does. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChildProgram } from "./child-program.ts";

/** `dist/main.js`, seen from build/test/support/. */
export const suiroEntry = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "dist", "main.js");

/** Starts the agent and waits until it runs. */
export async function startSuiro(
  configPath: string,
  options: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<ChildProgram> {
  const program = ChildProgram.start(process.execPath, [suiroEntry, "-c", configPath, ...options], {
    ...process.env,
    TZ: "UTC",
    FLUENT_CONF_INCLUDE_DIR: "",
    ...environment,
  });
  await program.waitFor("fluentd worker is now running");
  return program;
}
