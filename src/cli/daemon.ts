/**
 * `-d PIDFILE`: the same command once more, in the background. The configuration was read before, so that its errors
 * are seen where the command was typed. Source: fluentd 1.18 daemonizer.rb.
 */

import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { errorMessage, SuiroError } from "../errors.ts";
import type { Logger } from "../logger.ts";

/** Set for the process in the background, so that it does not go there again. */
const MARK = "SUIRO_DAEMON";

export function runsAsDaemon(): boolean {
  return process.env[MARK] === "1";
}

/** Starts the background process and writes its id. Throws SuiroError when one is running, or the file is refused. */
export function daemonise(pidFile: string, logger: Logger): number {
  refuseSecond(pidFile);
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, [MARK]: "1" },
  });
  try {
    writeFileSync(pidFile, String(child.pid));
  } catch (error) {
    child.kill();
    throw new SuiroError("CONFIG", `cannot write the pid file ${pidFile}: ${errorMessage(error)}`);
  }
  child.unref();
  logger.info(`running in the background pid=${child.pid}`);
  return 0;
}

/** Removes the pid file if it still names this process. */
export function removeOwnPidFile(pidFile: string): void {
  if (pidIn(pidFile) === process.pid) rmSync(pidFile, { force: true });
}

function refuseSecond(pidFile: string): void {
  const pid = pidIn(pidFile);
  if (pid === undefined) return;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
  }
  throw new SuiroError("CONFIG", `pid(${pid}) is running, says ${pidFile}; stop it first, or give another pid file`);
}

function pidIn(pidFile: string): number | undefined {
  try {
    const text = readFileSync(pidFile, "utf8").trim();
    return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
