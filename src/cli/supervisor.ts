/**
 * `<system> workers N`: N processes that do the same work on shared listening sockets, each with buffers of its own, and
 * this one, which starts them, passes signals on and writes their log. A worker that ends unasked is started again, ever
 * more slowly; workers reload one after the other, so that somebody always listens.
 *
 * This process accepts the connections and hands them out in turn, so that few senders load all workers alike. Limit: a
 * connection that is being handed to a worker in the moment of its death stays without an answer until its sender gives up.
 * Source: fluentd 1.18 supervisor.rb, ServerEngine's multi_process_server.rb.
 */

import cluster, { type Worker } from "node:cluster";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type Clock, sleep } from "../clock.ts";
import { SuiroError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { LogDestination } from "./log-destination.ts";
import type { ServiceCommands } from "./service.ts";
import { type WorkerReport, workerEnvironment } from "./worker.ts";

export interface SupervisorOptions {
  readonly workers: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the workers' lines go. */
  readonly log: LogDestination;
  readonly logFormat: "text" | "json";
  /** `restart_worker_interval`; 0 for Suiro's own pauses. */
  readonly restartIntervalMs: number;
  /** Reads the configuration anew and rejects when workers could not use it. Gives how many workers it wants. */
  check(): Promise<number>;
}

/** Pauses before a worker is started again: doubled each time, forgotten when it has run for a while. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const HEALTHY_MS = 60_000;

export class Supervisor implements ServiceCommands {
  readonly #options: SupervisorOptions;
  readonly #workers: (Worker | undefined)[];
  readonly #failures: number[];
  readonly #stopping = new AbortController();
  #reload: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#workers = Array.from({ length: options.workers }, () => undefined);
    this.#failures = this.#workers.map(() => 0);
  }

  get logger(): Logger {
    return this.#options.logger;
  }

  /** Resolves when every worker runs. Throws when one cannot start; the others are stopped then. */
  async start(): Promise<void> {
    cluster.setupPrimary({ silent: true });
    try {
      await Promise.all(this.#workers.map((_, id) => this.#startWorker(id)));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async flush(): Promise<void> {
    const workers = this.#workers.filter((worker) => worker !== undefined);
    const flushed = workers.map((worker) => reported(worker, "flushed"));
    this.#signal("SIGUSR1");
    await Promise.allSettled(flushed);
  }

  reload(): Promise<void> {
    this.#reload = this.#reload.then(() => this.#reloadAll());
    return this.#reload;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const ended = this.#workers.map((worker) => worker && endOf(worker));
    this.#signal("SIGTERM");
    await Promise.all(ended);
  }

  async #reloadAll(): Promise<void> {
    const { check, logger, workers } = this.#options;
    logger.info("Reloading new config");
    try {
      const wanted = await check();
      if (wanted !== workers) {
        throw new SuiroError("CONFIG", `workers changed from ${workers} to ${wanted}: that needs a new start`);
      }
    } catch (error) {
      logger.error("Failed to reload config file; the running configuration stays", { error });
      return;
    }
    for (const worker of this.#workers) {
      if (!worker || this.#stopping.signal.aborted) continue;
      worker.process.kill("SIGHUP");
      await reported(worker, "reloaded").catch(() => {});
    }
  }

  #signal(signal: NodeJS.Signals): void {
    for (const worker of this.#workers) worker?.process.kill(signal);
  }

  /** Resolves when the worker runs, rejects when it ends before. */
  async #startWorker(id: number): Promise<void> {
    const { clock, log, logFormat } = this.#options;
    const worker = cluster.fork(workerEnvironment(id, logFormat));
    this.#workers[id] = worker;
    const startedAtMs = clock.monotonic();
    for (const stream of [worker.process.stdout, worker.process.stderr]) {
      createInterface(stream as Readable).on("line", (line) => log.write(`${line}\n`));
    }
    const running = reported(worker, "running");
    worker.process.once("close", (code: number | null, signal: string | null) => {
      this.#workers[id] = undefined;
      const status = code ?? signal;
      if (this.#stopping.signal.aborted) this.logger.info(`Worker ${id} finished with status ${status}`);
      else void running.then(() => this.#restart(id, status, clock.monotonic() - startedAtMs)).catch(() => {});
    });
    await running;
  }

  async #restart(id: number, status: number | string | null, livedMs: number): Promise<void> {
    const { clock, restartIntervalMs } = this.#options;
    const failures = livedMs > HEALTHY_MS ? 0 : (this.#failures[id] as number);
    this.#failures[id] = failures + 1;
    const pauseMs = restartIntervalMs || Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
    this.logger.error(`Worker ${id} exited unexpectedly with status ${status}`, { restart_after: pauseMs / 1000 });
    await sleep(clock, pauseMs, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    const startedAtMs = clock.monotonic();
    await this.#startWorker(id).catch(() => this.#restart(id, "before it ran", clock.monotonic() - startedAtMs));
  }
}

function endOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => worker.process.once("close", () => resolve()));
}

/** Resolves when the worker says so, rejects when it ends instead. */
function reported(worker: Worker, report: WorkerReport): Promise<void> {
  return new Promise((resolve, reject) => {
    const listen = (message: unknown) => {
      if (message !== report) return;
      worker.off("message", listen);
      resolve();
    };
    worker.on("message", listen);
    worker.process.once("close", () => reject(new SuiroError("CONFIG", `worker ${worker.id - 1} ended`)));
  });
}
