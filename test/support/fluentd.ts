/** Runs the real fluentd, the oracle of the interop tests. scripts/test.mjs installs it and tells where. */

import { join } from "node:path";
import { ChildProgram } from "./child-program.ts";

const home = process.env.SUIRO_TEST_FLUENTD;

/** For node:test's `skip`: false where fluentd is installed, else the reason. */
export const withoutFluentd: string | false = home
  ? false
  : (process.env.SUIRO_TEST_NO_FLUENTD ?? "fluentd is not installed; run the tests with npm test");

/** Environment in which `ruby` finds the gem. */
export function fluentdEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, GEM_HOME: home, GEM_PATH: home, FLUENT_CONF_INCLUDE_DIR: "", TZ: "UTC" };
}

/** Starts fluentd with a configuration file and waits until it runs. `--no-supervisor`: one process, ended by its id. */
export async function startFluentd(
  configPath: string,
  options: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<ChildProgram> {
  const program = ChildProgram.start(
    "ruby",
    [join(home as string, "bin", "fluentd"), "--no-supervisor", "-c", configPath, ...options],
    { ...fluentdEnvironment(), ...environment },
  );
  await program.waitFor("fluentd worker is now running");
  return program;
}
