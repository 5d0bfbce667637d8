/** The seam to the files that a configuration is made of, and the search by patterns that `@include` does. */

import { closeSync, fstatSync, openSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { LimitError } from "../errors.ts";

/** Largest file that a configuration may hold or read, in bytes. A Kubernetes ConfigMap has at most 1 MiB. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

export interface ConfigFiles {
  /** The text of a file. Throws the system's error, or LimitError. */
  read(path: string): string;
  /** Names in a folder, sorted; none when it cannot be listed. */
  names(folder: string): string[];
  kind(path: string): "file" | "folder" | undefined;
  /** The path without symbolic links, to know a file again. */
  identity(path: string): string;
}

export const systemFiles: ConfigFiles = {
  read(path) {
    const descriptor = openSync(path, "r");
    try {
      const { size } = fstatSync(descriptor);
      if (size > MAX_FILE_BYTES) throw new LimitError(`${path} has more than ${MAX_FILE_BYTES} bytes`);
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  },
  names(folder) {
    try {
      return readdirSync(folder).sort();
    } catch {
      return [];
    }
  },
  kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && (stat.isDirectory() ? "folder" : "file");
  },
  identity: (path) => realpathSync(path),
};

/**
 * Paths that match an absolute `pattern` with `*`, `?`, `[a-z]`, `{a,b}` and `**`, sorted. Signs do not match a
 * leading dot. Source: Ruby's Dir.glob, sorted, as fluentd 1.18 does in config/v1_parser.rb.
 */
export function findFiles(pattern: string, files: ConfigFiles): string[] {
  const found = expandBraces(pattern).flatMap((path) => walk("/", path.split("/").filter(Boolean), files));
  return [...new Set(found)].sort();
}

function walk(folder: string, parts: readonly string[], files: ConfigFiles): string[] {
  const [part, ...rest] = parts;
  if (part === undefined) return [];
  const join = (name: string) => (folder === "/" ? `/${name}` : `${folder}/${name}`);
  const enter = (path: string): string[] => {
    if (rest.length > 0) return files.kind(path) === "folder" ? walk(path, rest, files) : [];
    return files.kind(path) === undefined ? [] : [path];
  };
  if (part === "**" && rest.length > 0) {
    const folders = files.names(folder).filter((name) => !name.startsWith(".") && files.kind(join(name)) === "folder");
    return [...walk(folder, rest, files), ...folders.flatMap((name) => walk(join(name), parts, files))];
  }
  if (!/[*?[]/.test(part)) return enter(join(part));
  const matcher = partPattern(part);
  return files.names(folder).flatMap((name) => (matcher.test(name) ? enter(join(name)) : []));
}

function partPattern(part: string): RegExp {
  const source = part.replace(/\*+|\?|\[[^\]]+\]|[\\^$.|+(){}\]]/g, (sign) => {
    if (sign.startsWith("*")) return ".*";
    if (sign === "?") return ".";
    if (sign.startsWith("[") && sign.length > 1) return sign.replace(/^\[[!^]/, "[^").replaceAll("\\", "\\\\");
    return `\\${sign}`;
  });
  return new RegExp(`^${part.startsWith(".") ? "" : "(?!\\.)"}${source.replace(/\[(?![^\]]*\])/g, "\\[")}$`, "s");
}

/** `a{b,c}` as `ab` and `ac`; braces nest. */
function expandBraces(pattern: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (!match) return [pattern];
  const [, head = "", choices = "", tail = ""] = match;
  return choices.split(",").flatMap((choice) => expandBraces(head + choice + tail));
}
