/** From the command line to a configuration: read, found good or bad, made into an agent. */

import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { type AgentSeams, createAgent } from "../agent.ts";
import { systemClock } from "../clock.ts";
import { ConfigElement } from "../config/element.ts";
import { loadConfig } from "../config/load.ts";
import { Problems, readSection } from "../config/parameters.ts";
import { type SystemConfig, systemTable } from "../config/system.ts";
import type { ConfigError } from "../errors.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { PluginList } from "../pipeline/plugin-list.ts";
import { workerId } from "./worker.ts";

export interface ConfigurationSource {
  /** Path of the configuration file. */
  readonly config: string;
  /** Appended to the file; `-` is standard input. */
  readonly inlineConfig?: string;
  /** `guess` unless given: by the file's name. */
  readonly configFileType?: string;
  /** What `worker_id` gives; without it "", as in a dry run. */
  readonly workerId?: string;
  /** Numbers must parse whole. */
  readonly strictConfigValue?: boolean;
}

export interface ReadConfiguration {
  /** Undefined when the text itself is bad. */
  readonly root: ConfigElement | undefined;
  /** Those that the configuration uses. */
  readonly plugins: PluginList;
  readonly problems: Problems;
}

const NOTHING = new ConfigElement("ROOT", "", { file: "", line: 0 });

/** Reads the text with everything that it includes. Throws nothing: what is wrong is in `problems`. */
export async function readConfiguration(source: ConfigurationSource): Promise<ReadConfiguration> {
  const problems = new Problems();
  const inline = await inlineText(source.inlineConfig);
  const root = problems.guard(() =>
    loadConfig(source.config, {
      environment: process.env,
      hostname: hostname(),
      ...(source.workerId !== undefined && { workerId: source.workerId }),
      isStrict: source.strictConfigValue ?? false,
      warn: (message, position) => problems.warn(message, position),
      ...(inline === undefined ? {} : { inline }),
      ...fileType(source.configFileType),
    }),
  );
  return { root, plugins: await PluginList.for(root ?? NOTHING), problems };
}

function fileType(given: string | undefined): { fileType?: "v1" | "yaml" } {
  if (given === undefined || given === "guess") return {};
  return { fileType: given === "v1" ? "v1" : "yaml" };
}

/** What `<system>` says, for what must be known before there is an agent: bad values count as absent here. */
export function systemOf(root: ConfigElement): SystemConfig {
  const element = root.childrenNamed("system")[0] ?? new ConfigElement("system", "", root.position);
  return readSection(systemTable, element, new Problems());
}

/** Builds the agent; touches nothing outside the process. It is undefined when its `problems` has errors. */
export function createFromConfiguration(
  root: ConfigElement,
  plugins: PluginList,
  logger: Logger = silentLogger,
  seams: Pick<AgentSeams, "ownLog" | "process" | "taps" | "previous"> = {},
) {
  return createAgent(root, {
    clock: systemClock,
    logger,
    plugins,
    hostname: hostname(),
    environment: process.env,
    workerId,
    ...seams,
  });
}

/** The message of a configuration error without the `file:line: ` that it starts with. */
export function withoutPosition(error: ConfigError): string {
  if (!error.position) return error.message;
  const prefix = `${error.position.file}:${error.position.line}: `;
  return error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
}

/** Standard input is read once; a reload appends the same text again. */
let standardInput: Promise<string> | undefined;

async function inlineText(given: string | undefined): Promise<string | undefined> {
  if (given !== "-") return given;
  standardInput ??= text(process.stdin);
  return standardInput;
}
