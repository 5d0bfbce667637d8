/** `<system>`: what holds for the whole process. Source: fluentd 1.18 system_config.rb; COMPAT 1.5. */

import type { SourcePosition } from "../errors.ts";
import { ConfigElement } from "./element.ts";
import { bool, enumeration, float, integer, octal, size, string, time } from "./literals.ts";
import { type ConfigOf, optional, type Problems, parameterType, readSection, section } from "./parameters.ts";

export const logLevel = enumeration("trace", "debug", "info", "warn", "error", "fatal");

export interface RpcEndpoint {
  /** "" stands for every address. */
  readonly host: string;
  readonly port: number;
}

const endpoint = parameterType<RpcEndpoint>("host:port", (text) => {
  const [, host, port] = /^\[?([0-9a-zA-Z:.-]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) > 65535) throw new Error(`Invalid rpc_endpoint: ${text}`);
  return { host, port: Number(port) };
});

const healthEndpoint = parameterType<RpcEndpoint>("[host:]port", (text) => {
  const [, host = "", port] = /^(?:\[?([0-9a-zA-Z:.-]+)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65535) throw new Error(`expected [host:]port, got ${text}`);
  return { host, port: Number(port) };
});

const logTable = section({
  path: string.optional("Log file; without it the log goes to standard output."),
  format: enumeration("text", "json").optional("Form of a line; without it pretty text on a terminal, JSON elsewhere."),
  time_format: string.optional(
    "strftime format of times; without it `%Y-%m-%d %H:%M:%S %z` in text, ISO 8601 in JSON.",
  ),
  rotate_age: string.optional("Log files to keep, or daily, weekly, monthly."),
  rotate_size: size.optional("Size at which the log file rotates."),
  forced_stacktrace_level: logLevel.optional("Accepted; only a crash logs a stack trace, at fatal."),
});

export const systemTable = section(
  {
    workers: integer.default(
      "Processes that do the work, on shared listening sockets and each with its own buffers.",
      1,
    ),
    root_dir: string.optional("Folder for buffers and backups of plugins that give no path of their own."),
    log_level: logLevel.default("Least level that is logged.", "info"),
    suppress_repeated_stacktrace: bool.default("Accepted; Suiro repeats none.", true),
    ignore_repeated_log_interval: time.optional("Seconds in which a line equal to the one before it is left out."),
    ignore_same_log_interval: time.optional("Seconds in which a line equal to any before it is left out."),
    emit_error_log_interval: time.optional("Seconds in which further emit errors are left out."),
    suppress_config_dump: bool.optional("Do not log the configuration at start."),
    log_event_verbose: bool.optional("Accepted; every plugin that starts or stops is in the log."),
    without_source: bool.optional("Start no input."),
    with_source_only: bool.optional("Refused when true: inputs never run without their outputs."),
    rpc_endpoint: endpoint.optional("Where the control interface listens; best on 127.0.0.1, for it has no password."),
    health_endpoint: healthEndpoint.optional(
      "Where /healthz and /readyz are answered; a port alone is that port on every address. Suiro's own.",
    ),
    enable_get_dump: bool.optional("Let the control interface give the configuration, secrets masked."),
    process_name: string.optional("Name of the process."),
    restart_worker_interval: time.default(
      "Seconds before a worker that ended is started again; 0 stands for 0.25 s, doubled each time up to 30 s.",
      0,
    ),
    enable_msgpack_time_support: bool.default("Accepted; msgpack timestamps pass as the bytes that they are.", false),
    file_permission: octal.default("Mode of files that are made.", 0o644),
    dir_permission: octal.default("Mode of folders that are made.", 0o755),
    umask: octal.optional("Mode bits that the process never sets."),
    strict_config_value: bool.optional("Refuse integers and floats that do not parse whole."),
    disable_shared_socket: bool.optional("Accepted; workers share their listening sockets all the same."),
    enable_input_metrics: bool.default("Accepted; inputs are always counted.", true),
    enable_size_metrics: bool.optional("Accepted; sizes are always counted."),
    enable_jit: bool.optional("Accepted; it is about Ruby."),
    config_include_dir: string.optional("Folder whose *.conf files are appended to the configuration."),
    shutdown_timeout: float.default("Seconds in which a stop ends at the latest. Suiro's own.", 25),
  },
  { log: optional(logTable) },
);

export type SystemConfig = ConfigOf<typeof systemTable> & {
  /** Of this process, where several do the work; then `workers` of a plugin are those that run it. */
  readonly workerId?: number;
};

/** Reads `<system>`, which may stand once; without it everything has its default. Source: fluentd 1.18 system_config.rb. */
export function readSystem(root: ConfigElement, problems: Problems): SystemConfig {
  const [first, second] = root.childrenNamed("system");
  if (second) problems.error("<system> is duplicated. <system> should be only one", second.position);
  const system = readSection(systemTable, first ?? new ConfigElement("system", "", root.position), problems);
  if (system.workers < 1) {
    problems.error(`invalid number of workers (must be > 0):${system.workers}`, positionOf(system, "workers"));
  }
  if (system.withSourceOnly) {
    const message =
      "with_source_only is not supported: inputs never run without their outputs; a file buffer holds what waits";
    problems.error(message, positionOf(system, "with_source_only"));
  }
  return system;
}

function positionOf({ element }: SystemConfig, key: string): SourcePosition {
  return element.parameter(key)?.position ?? element.position;
}
