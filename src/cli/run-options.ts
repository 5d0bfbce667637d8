/** What the command line says about a run, and how it weighs against `<system>`: the command line wins. */

import { ConfigElement } from "../config/element.ts";
import type { LogLevel } from "../logger.ts";

/** fluentd's flags, as the program hands them over. */
export interface RunOptions {
  readonly config: string;
  readonly inlineConfig?: string;
  readonly dryRun?: boolean;
  readonly log?: string;
  readonly logRotateAge?: string;
  readonly logRotateSize?: number;
  readonly verbose: number;
  readonly quiet: number;
  readonly daemon?: string;
  readonly user?: string;
  readonly group?: string;
  readonly umask?: number;
  readonly workers?: number;
  readonly withoutSource?: boolean;
  readonly suppressConfigDump?: boolean;
  readonly strictConfigValue?: boolean;
  readonly emitErrorLogInterval?: number;
  /** Folders of Ruby plugins. */
  readonly plugin?: readonly string[];
  readonly setup?: string | true;
  /** `[host:]port`. */
  readonly healthEndpoint?: string;
}

const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warn", "error"];

/** The level that -v and -q ask for, or undefined when neither was given. */
export function levelOf({ verbose, quiet }: Pick<RunOptions, "verbose" | "quiet">): LogLevel | undefined {
  if (verbose === 0 && quiet === 0) return undefined;
  const index = LEVELS.indexOf("info") - verbose + quiet;
  return LEVELS[Math.min(Math.max(index, 0), LEVELS.length - 1)];
}

/**
 * The same configuration with what the command line says written behind the values of its `<system>`, where the last
 * value of a key wins. Source: fluentd 1.18 `SystemConfig#overwrite_variables`.
 */
export function withCommandLine(root: ConfigElement, options: RunOptions): ConfigElement {
  const overrides: Record<string, string | undefined> = {
    log_level: levelOf(options),
    workers: options.workers?.toString(),
    without_source: options.withoutSource ? "true" : undefined,
    suppress_config_dump: options.suppressConfigDump ? "true" : undefined,
    strict_config_value: options.strictConfigValue ? "true" : undefined,
    emit_error_log_interval: options.emitErrorLogInterval?.toString(),
    health_endpoint: options.healthEndpoint,
  };
  const position = { file: "command line", line: 1 };
  const parameters = Object.entries(overrides).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value, position }],
  );
  if (parameters.length === 0) return root;
  const system = root.childrenNamed("system")[0] ?? new ConfigElement("system", "", position);
  const changed = new ConfigElement(
    system.name,
    system.argument,
    system.position,
    [...system.parameters, ...parameters],
    system.children,
  );
  const others = root.children.filter((child) => child !== system);
  return new ConfigElement(root.name, root.argument, root.position, root.parameters, [changed, ...others]);
}
