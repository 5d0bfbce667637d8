/**
 * What the operating system tells the process, as fluentd understands it.
 *
 * | signal    | meaning                                                                |
 * |-----------|------------------------------------------------------------------------|
 * | TERM, INT | stop within the shutdown timeout; a second one ends the process at once |
 * | HUP, USR2 | reload the configuration                                               |
 * | USR1      | send what is buffered, open the log file anew                           |
 *
 * Source: fluentd 1.18 supervisor.rb `install_supervisor_signal_handlers`.
 */

import { systemClock } from "../clock.ts";
import { errorMessage } from "../errors.ts";
import type { LogDestination } from "./log-destination.ts";
import type { ServiceCommands } from "./service.ts";

/** A stop that is still not done so long after its deadline hangs. */
const HANG_MS = 5000;

/** What was acked is on disk, so ending at once loses nothing; the supervisor of the machine starts Suiro again. */
const CRASHED = 2;

/** Starts the service and resolves with the exit code when it has ended. */
export function runUntilStopped(
  service: ServiceCommands,
  log: LogDestination,
  shutdownTimeoutMs: number,
): Promise<number> {
  return new Promise((resolve) => {
    // Timers of the agent keep no process alive; this one does, until the process ends.
    setInterval(() => {}, 2 ** 30);
    const fail = (message: string) => (error: unknown) => {
      service.logger.fatal(message, { error });
      resolve(1);
    };
    const reload = () => void service.reload().catch(fail("no configuration can be started any more"));
    const stop = stopOnce(service, shutdownTimeoutMs, resolve);
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", reload);
    process.on("SIGUSR2", reload);
    process.on("SIGUSR1", () => {
      log.reopen();
      void service.flush();
    });
    const crash = (error: unknown) => {
      const stack = error instanceof Error ? error.stack : undefined;
      service.logger.fatal(`unexpected error: ${errorMessage(error)}`, { stack });
      process.exit(CRASHED);
    };
    process.on("uncaughtException", crash);
    process.on("unhandledRejection", crash);
    service.start().catch(fail("cannot start"));
  });
}

function stopOnce(
  service: ServiceCommands,
  shutdownTimeoutMs: number,
  resolve: (exitCode: number) => void,
): () => void {
  let isStopping = false;
  return () => {
    const { logger } = service;
    if (isStopping) {
      logger.warn("forced to stop at once; what is in file buffers is sent after the next start");
      return resolve(1);
    }
    isStopping = true;
    logger.info("Received graceful stop");
    systemClock.after(shutdownTimeoutMs + HANG_MS, () => {
      logger.error("the stop hangs; ending without it");
      resolve(1);
    });
    service.stop().then(
      () => resolve(0),
      (error) => {
        logger.error("the stop failed", { error });
        resolve(1);
      },
    );
  };
}
