/**
 * The default command: reads the configuration, starts the agent and keeps it until a signal ends it. The log has
 * fluentd's lines, so that scripts which wait for them go on working. Source: fluentd 1.18 supervisor.rb.
 */

import { existsSync, readdirSync } from "node:fs";
import type { Agent } from "../agent.ts";
import { sleep, systemClock } from "../clock.ts";
import { dumpConfig } from "../config/dump.ts";
import type { ConfigElement } from "../config/element.ts";
import { Problems } from "../config/parameters.ts";
import type { SystemConfig } from "../config/system.ts";
import { SuiroError } from "../errors.ts";
import { timeFormat } from "../event/strftime.ts";
import { createLogger, type Logger, type LogTap } from "../logger.ts";
import type { HealthServer } from "../metrics/health-server.ts";
import { OwnLog } from "../pipeline/own-log.ts";
import { secretParameters } from "../pipeline/secret-parameters.ts";
import {
  type ConfigurationSource,
  createFromConfiguration,
  type ReadConfiguration,
  readConfiguration,
  systemOf,
  withoutPosition,
} from "./configuration.ts";
import type { ControlInterface } from "./control-interface.ts";
import { daemonise, removeOwnPidFile, runsAsDaemon } from "./daemon.ts";
import { startLiveView, taps } from "./live-view.ts";
import { type LogDestination, LogFile, type Rotation, standardOutput } from "./log-destination.ts";
import { dropPrivileges } from "./privileges.ts";
import { withoutRepeats } from "./repeat-filter.ts";
import { levelOf, type RunOptions, withCommandLine } from "./run-options.ts";
import { type LoadedConfiguration, Service, type ServiceCommands } from "./service.ts";
import { writeFirstConfiguration } from "./setup.ts";
import { runUntilStopped } from "./signals.ts";
import { FLUENTD_VERSION, VERSION } from "./version.ts";
import { shownWorkerId, tellSupervisor, workerId, workerLogFormat } from "./worker.ts";
import { makeRoomForYoung } from "./young-space.ts";

/** Gives the exit code: 0 after a graceful stop, 1 when the configuration is bad or the agent could not run. */
export async function run(options: RunOptions): Promise<number> {
  if (options.setup !== undefined) return writeFirstConfiguration(options.setup);
  const read = await readConfiguration(sourceOf(options));
  const umask = options.umask ?? (read.root && systemOf(read.root).umask);
  if (umask !== undefined) process.umask(umask);
  const log = workerId === undefined ? openLog(read.root, options) : standardOutput;
  try {
    return options.dryRun ? dryRun(options, read, log) : await start(options, read, log);
  } catch (error) {
    if (!(error instanceof SuiroError)) throw error;
    loggerFor(read.root, options, log).error(error.message);
    return 1;
  } finally {
    log.close();
  }
}

/** Source: fluentd 1.18 `run_supervisor(dry_run: true)`. */
function dryRun(options: RunOptions, read: ReadConfiguration, log: LogDestination): number {
  const logger = loggerFor(read.root, options, log, { format: "text" });
  logger.info(`starting fluentd-${FLUENTD_VERSION} as dry run mode`, { suiro: VERSION });
  if (!load(options, read, log, { format: "text" })) return 1;
  logger.info("finished dry run mode");
  return 0;
}

/** Embedded Ruby sees no `worker_id` in a dry run, as in fluentd's. */
function sourceOf(options: RunOptions): ConfigurationSource {
  return options.dryRun ? options : { ...options, workerId: String(shownWorkerId()) };
}

async function start(options: RunOptions, read: ReadConfiguration, log: LogDestination): Promise<number> {
  if (workerId !== undefined) {
    const own = load(options, read, log);
    return own ? serve(options, own, log, systemOf(withCommandLine(read.root as ConfigElement, options))) : 1;
  }
  const logger = loggerFor(read.root, options, log);
  const { age, size } = rotationOf(read.root, options);
  const shown = (value: unknown) => (value === undefined ? "nil" : JSON.stringify(value));
  const settings = `path=${shown(log.path)} rotate_age=${shown(age)} rotate_size=${shown(size)}`;
  logger.info(`init supervisor logger ${settings}`);
  const first = load(options, read, log);
  if (!first) return 1;
  if (options.daemon !== undefined && !runsAsDaemon()) return daemonise(options.daemon, logger);
  logger.info(`starting fluentd-${FLUENTD_VERSION}`, { suiro: VERSION, pid: process.pid, node: process.version });
  warnOfRubyPlugins(options.plugin ?? [], logger);
  dropPrivileges(options.user, options.group, log);
  const system = systemOf(withCommandLine(read.root as ConfigElement, options));
  try {
    return await (system.workers > 1 ? supervise : serve)(options, first, log, system);
  } finally {
    if (options.daemon !== undefined) removeOwnPidFile(options.daemon);
  }
}

/** Runs the agent in this process: the only one, or one of several. */
async function serve(
  options: RunOptions,
  first: RunConfiguration,
  log: LogDestination,
  system: SystemConfig,
): Promise<number> {
  const service = new Service<Agent>(first, (running) => loadAnew(options, log, running));
  const control = workerId === undefined && (await startControl(system, service, first, () => service.dump));
  const health = await startHealth(system, service);
  const liveView = await startLiveView(service);
  try {
    return await runUntilStopped(asWorker(service), log, first.shutdownTimeoutMs);
  } finally {
    if (control) control.close();
    liveView.close();
    await health?.stop();
  }
}

/** The service, with fluentd's lines about a worker, and with the word for the supervisor where there is one. */
function asWorker(service: Service<Agent>): ServiceCommands {
  const worker = `worker=${shownWorkerId()}`;
  return {
    get logger() {
      return service.logger;
    },
    async start() {
      service.logger.info(`starting fluentd worker pid=${process.pid} ppid=${process.ppid} ${worker}`);
      await service.start();
      makeRoomForYoung();
      tellSupervisor("running");
    },
    reload: () => service.reload().finally(() => tellSupervisor("reloaded")),
    flush: () => service.flush().finally(() => tellSupervisor("flushed")),
    async stop() {
      service.logger.info(`fluentd worker is now stopping ${worker}`);
      service.logger.info(`shutting down fluentd worker ${worker}`);
      await service.stop();
      if (workerId === undefined) service.logger.info("Worker 0 finished with status 0");
    },
  };
}

/** Has worker processes run the agent; here it is only built, to find what is wrong with its configuration. */
async function supervise(
  options: RunOptions,
  first: RunConfiguration,
  log: LogDestination,
  { workers, restartWorkerInterval, ...system }: SystemConfig,
): Promise<number> {
  const { Supervisor } = await import("./supervisor.ts");
  const { logger, shutdownTimeoutMs } = first;
  let current = first;
  const supervisor = new Supervisor({
    workers,
    clock: systemClock,
    logger,
    log,
    logFormat: system.log?.format ?? (log.path === undefined && process.stdout.isTTY ? "text" : "json"),
    restartIntervalMs: restartWorkerInterval * 1000,
    check: async () => {
      current = await loadAnew(options, log, current);
      return current.workers;
    },
  });
  const control = await startControl(
    { ...system, workers, restartWorkerInterval },
    supervisor,
    first,
    () => current.dump,
  );
  try {
    return await runUntilStopped(supervisor, log, shutdownTimeoutMs);
  } finally {
    control?.close();
  }
}

async function loadAnew(
  options: RunOptions,
  log: LogDestination,
  running: LoadedConfiguration<Agent>,
): Promise<RunConfiguration> {
  const next = load(options, await readConfiguration(sourceOf(options)), log, {}, running);
  if (next) return next;
  throw new SuiroError("CONFIG", "the new configuration has errors");
}

/** The control interface is the process's, not the agent's: it stays while configurations come and go. */
async function startControl(
  { rpcEndpoint, enableGetDump = false }: SystemConfig,
  service: ServiceCommands,
  { logger, shutdownTimeoutMs }: LoadedConfiguration,
  dump: () => string,
): Promise<ControlInterface | undefined> {
  if (!rpcEndpoint) return undefined;
  const { ControlInterface } = await import("./control-interface.ts");
  const control = new ControlInterface({
    endpoint: rpcEndpoint,
    canGetDump: enableGetDump,
    logger,
    actions: {
      signal: (name) => void process.emit(name, name),
      flush: () => Promise.race([service.flush(), sleep(systemClock, shutdownTimeoutMs)]),
      dump,
    },
  });
  await control.start();
  return control;
}

/** The health port is the process's, too: it answers while configurations come and go. */
async function startHealth(
  { healthEndpoint }: SystemConfig,
  service: Service<Agent>,
): Promise<HealthServer | undefined> {
  if (!healthEndpoint) return undefined;
  const { HealthServer } = await import("../metrics/health-server.ts");
  const { logger } = service;
  const health = new HealthServer({ clock: systemClock, logger, plugins: () => service.plugins });
  await health.start(healthEndpoint);
  return health;
}

/** What a configuration needs of the one before it: with the same `<system>`, plugins and their log go on. */
interface RunConfiguration extends LoadedConfiguration<Agent> {
  readonly system: ConfigElement | undefined;
  readonly workers: number;
  readonly ownLog: OwnLog;
}

/**
 * Builds the agent and logs all that is wrong with the configuration; undefined when it cannot be used. After a start it
 * is to take over from the `running` one.
 */
function load(
  options: RunOptions,
  { root: written, plugins, problems }: ReadConfiguration,
  log: LogDestination,
  form: LogForm = {},
  running?: LoadedConfiguration<Agent>,
): RunConfiguration | undefined {
  const system = written?.childrenNamed("system")[0];
  const before = running as RunConfiguration | undefined;
  const previous = before && isSame(before.system, system) ? before : undefined;
  const ownLog = previous?.ownLog ?? new OwnLog(systemClock);
  const logger = previous?.logger ?? loggerFor(written, options, log, { ...form, tap: ownLog.tap });
  logProblems(options.config, problems, logger);
  if (!written) return undefined;
  logger.info(`parsing config file is succeeded path=${JSON.stringify(options.config)}`);
  const root = withCommandLine(written, options);
  const { suppressConfigDump, processName, shutdownTimeout, workers } = systemOf(root);
  const dump = dumpConfig(written, secretParameters(plugins.definitions)).trimEnd();
  if (!suppressConfigDump && workerId === undefined) logger.info(`using configuration file: ${dump}`);
  const created = createFromConfiguration(root, plugins, logger, {
    ownLog,
    taps,
    previous: previous?.agent,
    process: {
      version: FLUENTD_VERSION,
      ownVersion: VERSION,
      configPath: options.config,
      pidFile: options.daemon,
      pluginFolders: options.plugin ?? ["/etc/fluent/plugin"],
      logPath: log.path,
    },
  });
  logProblems(options.config, created.problems, logger);
  if (!created.agent) return undefined;
  if (processName !== undefined) process.title = processName;
  return {
    agent: created.agent,
    logger,
    shutdownTimeoutMs: shutdownTimeout * 1000,
    dump,
    system,
    workers,
    ownLog,
    again: (next) =>
      load(options, { root: written, plugins, problems: new Problems() }, log, form, next) as RunConfiguration,
  };
}

function isSame(left: ConfigElement | undefined, right: ConfigElement | undefined): boolean {
  return left && right ? left.equals(right) : left === right;
}

/** One line each. `error=` is what fluentd says, `at=` the place. */
function logProblems(path: string, problems: Problems, logger: Logger): void {
  for (const { message, position } of problems.warnings) {
    logger.warn(message, { at: `${position.file}:${position.line}` });
  }
  for (const error of problems.errors) {
    const text = JSON.stringify(withoutPosition(error));
    const at = error.position ? { at: `${error.position.file}:${error.position.line}` } : {};
    logger.error(`config error file=${JSON.stringify(path)} error_class=Fluent::ConfigError error=${text}`, at);
  }
}

function warnOfRubyPlugins(folders: readonly string[], logger: Logger): void {
  for (const folder of folders) {
    if (!existsSync(folder)) continue;
    const names = readdirSync(folder).filter((name) => name.endsWith(".rb"));
    if (names.length > 0) logger.warn(`Ruby plugins in ${folder} are not loaded: ${names.join(", ")}`);
  }
}

function openLog(root: ConfigElement | undefined, options: RunOptions): LogDestination {
  const path = options.log ?? (root && systemOf(root).log?.path);
  if (path === undefined || path === "-") return standardOutput;
  return new LogFile(path, systemClock, rotationOf(root, options));
}

function rotationOf(root: ConfigElement | undefined, options: RunOptions): Rotation {
  const log = root && systemOf(root).log;
  const age = options.logRotateAge ?? log?.rotateAge;
  const size = options.logRotateSize ?? log?.rotateSize;
  return { age: age !== undefined && /^\d+$/.test(age) ? Number(age) : (age as Rotation["age"]), size };
}

interface LogForm {
  /** Where `<log> format` is silent. Without it: text on a terminal, JSON elsewhere. */
  readonly format?: "text" | "json";
  readonly tap?: LogTap;
}

function loggerFor(
  root: ConfigElement | undefined,
  options: RunOptions,
  log: LogDestination,
  { format, tap }: LogForm = {},
): Logger {
  const system = root && systemOf(root);
  const isTerminal = log.path === undefined && process.stdout.isTTY;
  const timeFormatText = system?.log?.timeFormat;
  const writeTime = timeFormatText === undefined ? undefined : timeFormat(timeFormatText);
  const logger = createLogger({
    level: levelOf(options) ?? system?.logLevel ?? "info",
    format:
      system?.log?.format ?? format ?? (workerId === undefined ? (isTerminal ? "text" : "json") : workerLogFormat),
    workerId,
    timeText: writeTime && ((timeMs) => writeTime(Math.floor(timeMs / 1000), (timeMs % 1000) * 1e6)),
    write: (line) => log.write(line),
    ...(tap ? { tap } : {}),
  });
  const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);
  const rules = {
    repeatedMs: milliseconds(system?.ignoreRepeatedLogInterval),
    sameMs: milliseconds(system?.ignoreSameLogInterval),
    emitErrorMs: milliseconds(options.emitErrorLogInterval ?? system?.emitErrorLogInterval),
  };
  return withoutRepeats(logger, rules, systemClock);
}
