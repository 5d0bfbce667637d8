/**
 * What the configuration of a buffered output means for its buffer: `<buffer>`, or the flat names of v0.12, or neither,
 * with the defaults that depend on each other worked out and every contradiction refused.
 * Source: fluentd 1.18 plugin/output.rb `configure`, buffer.rb `configure`; COMPAT 4.1.
 */

import { join } from "node:path";
import type { Chunk } from "../buffer/chunk.ts";
import { isCompressionAvailable } from "../buffer/compression.ts";
import type { ConfigElement } from "../config/element.ts";
import { parseArray } from "../config/literals.ts";
import { Problems, readSection } from "../config/parameters.ts";
import type { SystemConfig } from "../config/system.ts";
import { ConfigError } from "../errors.ts";
import { localTimeZone, type TimeZone, timeZone, utc } from "../event/time-zone.ts";
import type { BufferDefaults, PluginContext } from "../plugin.ts";
import { type BufferParameters, bufferTable } from "./buffer-parameters.ts";
import { ChunkKeys, chunkField } from "./chunk-keys.ts";
import { flatBufferElement, flatBufferParameters } from "./flat-buffer.ts";

/** `<buffer>` with nothing left open. Sizes in bytes, times in seconds. */
export interface BufferSettings extends BufferParameters {
  readonly type: "memory" | "file";
  /** Neither a `<buffer>` nor flat parameters said anything. */
  readonly isDefault: boolean;
  readonly keys: ChunkKeys;
  readonly chunkLimitSize: number;
  readonly totalLimitSize: number;
  readonly queuedChunksLimitSize: number;
  readonly compress: Chunk["compression"];
  readonly flushMode: "lazy" | "interval" | "immediate";
  readonly flushAtShutdown: boolean;
  /** Of a file buffer. */
  readonly path: string | undefined;
  /** Where its chunks were while there was one process: the first of several workers takes them over. */
  readonly formerPath: string | undefined;
  readonly filePermission: number;
  readonly dirPermission: number;
}

const MEBIBYTE = 1024 ** 2;
const DEFAULT_LIMITS = {
  memory: { chunk: 8 * MEBIBYTE, total: 512 * MEBIBYTE },
  file: { chunk: 256 * MEBIBYTE, total: 64 * 1024 * MEBIBYTE },
} as const;

/** More keys than this make many small chunks. */
const CHUNK_KEYS_WARN = 4;

/** Throws ConfigError. */
export function readBufferSettings(
  defaults: BufferDefaults,
  defaultCompression: Chunk["compression"] | undefined,
  context: PluginContext,
): BufferSettings {
  const { element } = context;
  const { section, isDefault } = bufferSection(element, context);
  const problems = new Problems();
  const given = readSection(bufferTable, section, problems);
  if (problems.errors[0]) throw problems.errors[0];

  const type = bufferType(section, defaults);
  const keys = chunkKeys(section, given, defaults, context);
  const chunkLimitSize = given.chunkLimitSize ?? DEFAULT_LIMITS[type].chunk;
  const { system } = context;
  return {
    ...given,
    type,
    isDefault,
    keys,
    chunkLimitSize,
    totalLimitSize:
      given.queueLimitLength === undefined
        ? (given.totalLimitSize ?? DEFAULT_LIMITS[type].total)
        : chunkLimitSize * given.queueLimitLength,
    queuedChunksLimitSize: given.queuedChunksLimitSize ?? given.flushThreadCount,
    compress: compression(given.compress ?? defaultCompression ?? "text", section),
    flushMode: flushMode(given, section, keys, context),
    flushAtShutdown: flushAtShutdown(given, type, context),
    path: undefined,
    formerPath: undefined,
    ...(type === "file" && bufferPath(given, section, context)),
    filePermission: given.filePermission ?? system.filePermission,
    dirPermission: given.dirPermission ?? system.dirPermission,
  };
}

/** The section that counts. Flat parameters beside a `<buffer>` are not used, but for what flush_interval does. */
function bufferSection(element: ConfigElement, { logger }: PluginContext) {
  const [section, second] = element.childrenNamed("buffer");
  const flat = flatBufferParameters(element);
  if (second) throw new ConfigError("'<buffer>' section cannot be written twice or more", second.position);
  if (!section) return { section: flatBufferElement(element), isDefault: flat.length === 0 };
  for (const { key } of flat) {
    if (key !== "flush_interval") logger.warn(`parameter '${key}' in ${element.title} is not used.`);
  }
  return { section, isDefault: false };
}

function bufferType(section: ConfigElement, defaults: BufferDefaults): "memory" | "file" {
  const given = section.parameter("@type") ?? section.parameter("type");
  const type = given?.value ?? defaults.type;
  if (type === "memory" || type === "file") return type;
  if (type === "file_single") {
    throw new ConfigError("buffer @type file_single is not supported: use @type file", given?.position);
  }
  throw new ConfigError(`Unknown buffer plugin '${type}'. Use memory or file.`, given?.position);
}

function chunkKeys(
  section: ConfigElement,
  given: BufferParameters,
  defaults: BufferDefaults,
  context: PluginContext,
): ChunkKeys {
  const names = new Set(section.argument === "" ? defaults.chunkKeys : parseKeys(section));
  const hasTime = names.delete("time");
  const hasTag = names.delete("tag");
  if (defaults.requiresTag && !hasTag) {
    const type = context.element.text("@type") ?? "this";
    throw new ConfigError(`buffer chunk key must include 'tag' for ${type} output`, section.position);
  }
  const fields = [...names].map((name) => chunkField(name, section.position));
  if (fields.length + (hasTag ? 1 : 0) >= CHUNK_KEYS_WARN) {
    context.logger.warn("many chunk keys specified, and it may cause too many chunks on your system.");
  }
  const timekey = given.timekey ?? defaults.timekey;
  if (!hasTime) return new ChunkKeys(hasTag, undefined, fields);
  if (timekey === undefined) {
    throw new ConfigError("<buffer ...> argument includes 'time', but timekey is not configured", section.position);
  }
  if (timekey <= 0) {
    throw new ConfigError(`timekey should be greater than 0. current timekey: ${timekey}`, section.position);
  }
  return new ChunkKeys(hasTag, { seconds: timekey, zone: sliceZone(given, section, context) }, fields);
}

function parseKeys(section: ConfigElement): string[] {
  try {
    return parseArray(section.argument);
  } catch (cause) {
    throw new ConfigError(`chunk keys '${section.argument}' are no list of names`, section.position, { cause });
  }
}

function sliceZone(given: BufferParameters, section: ConfigElement, { clock }: PluginContext): TimeZone {
  const zone = given.timekeyZone === undefined ? localTimeZone(clock.now()) : timeZone(given.timekeyZone);
  if (!zone) throw new ConfigError(`Unsupported timezone '${given.timekeyZone}'`, section.position);
  return given.timekeyUseUtc ? utc : zone;
}

function compression(method: Chunk["compression"], section: ConfigElement): Chunk["compression"] {
  if (method === "text" || isCompressionAvailable(method)) return method;
  const message = `compress ${method} needs Node.js 22.15 or newer, and this is ${process.versions.node}: use gzip`;
  throw new ConfigError(message, section.position);
}

function flushMode(
  given: BufferParameters,
  section: ConfigElement,
  keys: ChunkKeys,
  { element, logger }: PluginContext,
): BufferSettings["flushMode"] {
  let mode = given.flushMode;
  if (mode === "default" && element.parameter("flush_interval")) {
    if (element.childrenNamed("buffer").length > 0) {
      logger.info(
        "'flush_interval' is configured at out side of <buffer>. 'flush_mode' is set to 'interval' to keep existing behaviour",
      );
    }
    mode = "interval";
  }
  if (mode === "default") mode = keys.time ? "lazy" : "interval";
  const interval = section.parameter("flush_interval");
  if (mode !== "interval" && interval) {
    if (section.parameter("flush_mode")) {
      const reason = `'flush_interval' can't be specified when 'flush_mode' is not 'interval' explicitly: '${mode}'`;
      throw new ConfigError(reason, interval.position);
    }
    logger.warn(`'flush_interval' is ignored because default 'flush_mode' is not 'interval': '${mode}'`);
  }
  return mode;
}

function flushAtShutdown(given: BufferParameters, type: "memory" | "file", { logger }: PluginContext): boolean {
  if (given.flushAtShutdown === false && type === "memory") {
    logger.warn(`'flush_at_shutdown' is false, and buffer plugin '${type}' is not persistent buffer.`);
    logger.warn("your configuration will lose buffered data at shutdown. please confirm your configuration again.");
  }
  return given.flushAtShutdown ?? type === "memory";
}

/** Which plugin uses a buffer path, by configuration: two must not share one. */
const claimedPaths = new WeakMap<SystemConfig, Map<string, string>>();

/** With several workers each has a folder of its own in `path`. Source: fluentd 1.18 buf_file.rb `configure`. */
function bufferPath(
  given: BufferParameters,
  section: ConfigElement,
  context: PluginContext,
): Pick<BufferSettings, "path" | "formerPath"> {
  const { element, system, hasGivenId, id } = context;
  const { rootDir, workers, workerId = 0 } = system;
  const path = given.path ?? (rootDir && hasGivenId ? join(rootDir, `worker${workerId}`, id, "buffer") : undefined);
  if (!path) throw new ConfigError("buffer path is not configured. specify 'path' in <buffer>", section.position);
  if (!given.pathSuffix.startsWith(".")) {
    throw new ConfigError(`path_suffix must start with a dot: '${given.pathSuffix}'`, section.position);
  }
  const claimed = claimedPaths.get(system) ?? new Map<string, string>();
  claimedPaths.set(system, claimed);
  const owner = claimed.get(path);
  const type = element.text("@type") ?? "";
  if (owner !== undefined) {
    const message = `Other '${owner}' plugin already use same buffer path: type = ${type}, buffer path = ${path}`;
    throw new ConfigError(message, section.position);
  }
  claimed.set(path, type);
  if (given.path === undefined || workers === 1) return { path, formerPath: undefined };
  if (path.includes(".*")) {
    const message =
      "file buffer with multi workers should be configured to use directory 'path', or system root_dir and plugin id";
    throw new ConfigError(message, section.position);
  }
  return { path: join(path, `worker${workerId}`), formerPath: workerId === 0 ? path : undefined };
}
