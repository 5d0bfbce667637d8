/** Where out_file writes: the path's template, and the check that no event leads it elsewhere. */

import { dirname, resolve, sep } from "node:path";
import type { Chunk } from "../buffer/chunk.ts";
import { ConfigError, type SourcePosition, UnrecoverableError } from "../errors.ts";
import { acceptInPath, type Template } from "./placeholders.ts";

export interface FilePathRule {
  readonly path: string;
  /** Seconds; undefined without the chunk key time. */
  readonly timekey: number | undefined;
  /** v0.12's way to say how the time slice is written. */
  readonly timeSliceFormat: string | undefined;
  readonly append: boolean;
  /** "" where `add_path_suffix` is false. */
  readonly suffix: string;
  readonly compressed: boolean;
  readonly position: SourcePosition;
}

/** Stands in the template for the number of a file that is not appended to. */
export const INDEX_PLACEHOLDER = "_**";

/**
 * The template of the file's path:
 *
 * | `path`            | becomes                            |
 * |-------------------|------------------------------------|
 * | `/dir/file.*.txt` | `/dir/file.%Y%m%d_**.txt`          |
 * | `/dir/file.%Y%m%d`| `/dir/file.%Y%m%d_**.log`          |
 * | `/dir/file`       | `/dir/file.%Y%m%d_**.log`          |
 *
 * with as many time directives as the time slices need, `_**` only without `append`, and `.gz` behind when compressed.
 * Throws ConfigError. Source: fluentd 1.18 out_file.rb `generate_path_template`.
 */
export function pathTemplate(rule: FilePathRule): string {
  const { path, timekey, timeSliceFormat, position } = rule;
  const index = rule.append ? "" : INDEX_PLACEHOLDER;
  const compression = rule.compressed ? ".gz" : "";
  const time = timeSliceFormat ?? timeDirectives(timekey);
  if (path.includes("*")) {
    if (timekey === undefined) {
      throw new ConfigError("path including '*' must be used with buffer chunk key 'time'", position);
    }
    return path.replaceAll("*", () => time + index) + compression;
  }
  const tail = index + rule.suffix + compression;
  if (timekey === undefined) return path + tail;
  if (timeSliceFormat === undefined) {
    const directives = time.match(/../g) ?? [];
    const present = directives.filter((directive) => path.includes(directive));
    if (present.length > 0 && present.length < directives.length) {
      throw new ConfigError("insufficient timestamp placeholders in path", position);
    }
    if (present.length > 0) return path + tail;
  }
  return `${path}.${time}${tail}`;
}

function timeDirectives(timekey: number | undefined): string {
  if (timekey === undefined) return "";
  if (timekey < 60) return "%Y%m%d%H%M%S";
  if (timekey < 3600) return "%Y%m%d%H%M";
  return timekey < 86400 ? "%Y%m%d%H" : "%Y%m%d";
}

/**
 * The path for a chunk. Nothing that an event brings leads outside the folder that stands in the configuration before
 * the first placeholder: a tag comes from the network. Throws UnrecoverableError. Source: CVE-2026-44024 of fluentd.
 */
export function chunkPath(template: Template, chunk: Chunk): string {
  const path = resolve(template.fill(chunk, acceptInPath));
  const folder = resolve(dirname(`${template.literalPrefix}x`));
  if (path.startsWith(folder === sep ? sep : folder + sep)) return path;
  throw new UnrecoverableError(`${path} is outside of ${folder}, where the configuration puts this output`);
}
