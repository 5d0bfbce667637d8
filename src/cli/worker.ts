/** This process as one of several workers: its supervisor says so in its environment. */

/** fluentd's own variable, which configurations ask for, too. */
const ID_VARIABLE = "SERVERENGINE_WORKER_ID";
const FORMAT_VARIABLE = "SUIRO_WORKER_LOG_FORMAT";

/** What a worker tells its supervisor: it runs, or a reload or a flush has ended, well or not. */
export type WorkerReport = "running" | "reloaded" | "flushed";

/** Of this process; undefined in the supervisor, and where one process does it all. */
export const workerId: number | undefined =
  process.env[FORMAT_VARIABLE] === undefined ? undefined : Number(process.env[ID_VARIABLE]);

/** How a worker logs where the configuration is silent: as its supervisor does. */
export const workerLogFormat = process.env[FORMAT_VARIABLE] === "text" ? "text" : "json";

/** The variables of worker `id`. */
export function workerEnvironment(id: number, format: "text" | "json"): Record<string, string> {
  return { [ID_VARIABLE]: String(id), [FORMAT_VARIABLE]: format };
}

/** The number that `worker_id` gives in the configuration, and that log lines show. */
export function shownWorkerId(): number {
  return workerId ?? 0;
}

export function tellSupervisor(report: WorkerReport): void {
  if (workerId !== undefined) process.send?.(report);
}
