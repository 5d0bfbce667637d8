/** From a configuration file, and all that it includes, to one tree of elements. */

import { join, resolve } from "node:path";
import { systemClock } from "../clock.ts";
import type { SourcePosition } from "../errors.ts";
import { ConfigElement } from "./element.ts";
import { type ConfigFiles, findFiles, systemFiles } from "./files.ts";
import { parseBool } from "./literals.ts";
import { type ParseContext, parseFile, parseText, type WarnAt } from "./parser.ts";
import { configEnvironment } from "./ruby/environment.ts";

/** Source: fluentd 1.19 DEFAULT_CONFIG_INCLUDE_DIR. */
const DEFAULT_INCLUDE_FOLDER = "/etc/fluent/conf.d";

export interface LoadOptions {
  /** What `ENV` holds, and FLUENT_CONF_INCLUDE_DIR. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `hostname` and `Socket.gethostname` give. */
  readonly hostname: string;
  /** What `worker_id` gives; "" by default, as in fluentd's supervisor. */
  readonly workerId?: string;
  /** Text that is read after the file; `\n` in it is a line feed. */
  readonly inline?: string;
  /** `--strict-config-value`; also on with `<system> strict_config_value true`. */
  readonly isStrict?: boolean;
  /** Takes what is valid but deprecated or most likely a mistake. */
  readonly warn?: WarnAt;
  /** The files behind `@include` and `File.read`; the machine's own by default. */
  readonly files?: ConfigFiles;
  /** The form of the main file: by its name (`.yaml`, `.yml`) unless given. */
  readonly fileType?: "v1" | "yaml";
  /** What `Time.now` gives, in milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * Reads the configuration at `path`, then the inline text, then every *.conf file of the include folder: that of
 * `<system> config_include_dir`, FLUENT_CONF_INCLUDE_DIR, or /etc/fluent/conf.d; "" means none. A file that was already
 * included is not read twice. The root is named ROOT. Throws ConfigError.
 */
export function loadConfig(path: string, options: LoadOptions): ConfigElement {
  const root = emptyRoot(resolve(path));
  const context = contextOf(options, resolve(path));
  parseFile(resolve(path), root, context, undefined);
  parseInline(root, resolve(path), options, context);
  includeFolder(root, options, context);
  return withStrictness(root, options);
}

/** Parses `text` as if it stood in `file`, which need not exist; includes are relative to it. Throws ConfigError. */
export function parseConfig(text: string, file: string, options: LoadOptions): ConfigElement {
  const root = emptyRoot(file);
  const context = contextOf(options);
  parseText(text, file, root, context);
  parseInline(root, file, options, context);
  return withStrictness(root, options);
}

function emptyRoot(file: string): ConfigElement {
  return new ConfigElement("ROOT", "", { file, line: 1 });
}

function contextOf(options: LoadOptions, mainPath?: string): ParseContext {
  const isYaml = (path: string) => {
    if (path === mainPath && options.fileType) return options.fileType === "yaml";
    return /\.ya?ml$/i.test(path);
  };
  const files = options.files ?? systemFiles;
  return {
    ruby: configEnvironment({
      environment: options.environment,
      hostname: options.hostname,
      workerId: options.workerId ?? "",
      readFile: files.read,
      now: options.now ?? systemClock.now,
    }),
    files,
    isYaml,
    warn: options.warn ?? (() => {}),
    seen: new Set(),
  };
}

function parseInline(root: ConfigElement, file: string, options: LoadOptions, context: ParseContext): void {
  if (options.inline === undefined) return;
  // Beside the main file, so that includes are found where they would be if the text stood there.
  parseText(options.inline.replaceAll("\\n", "\n"), join(file, "..", "inline-config"), root, context);
}

/** Source: fluentd 1.19 supervisor.rb `build_additional_configurations`. */
function includeFolder(root: ConfigElement, options: LoadOptions, context: ParseContext): void {
  const parameter = root.childrenNamed("system")[0]?.parameter("config_include_dir");
  const given = parameter?.special ? undefined : parameter?.value;
  const folder = given ?? options.environment.FLUENT_CONF_INCLUDE_DIR ?? DEFAULT_INCLUDE_FOLDER;
  if (folder === "") return;
  const position: SourcePosition = parameter?.position ?? { file: folder, line: 1 };
  if (context.files.kind(folder) !== "folder") {
    if (folder !== DEFAULT_INCLUDE_FOLDER) context.warn(`the include folder ${folder} does not exist`, position);
    return;
  }
  for (const suffix of ["conf", "yaml", "yml"]) {
    for (const path of findFiles(join(resolve(folder), "**", `*.${suffix}`), context.files)) {
      if (context.files.kind(path) === "file" && !context.seen.has(context.files.identity(path))) {
        parseFile(path, root, context, position);
      }
    }
  }
}

function withStrictness(root: ConfigElement, options: LoadOptions): ConfigElement {
  const given = root.childrenNamed("system")[0]?.text("strict_config_value");
  if (options.isStrict || (given !== undefined && parseBool(given))) markStrict(root);
  return root;
}

function markStrict(element: ConfigElement): void {
  element.isStrict = true;
  for (const child of element.children) markStrict(child);
}
