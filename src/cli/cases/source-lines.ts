/** Lines as a source of the configuration would read them: its parser, tag, path field and line rules. */

import { parseBool } from "../../config/literals.ts";
import { ConfigError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";
import { encode } from "../../event/msgpack.ts";
import { LineEvents } from "../../input/tail/line-events.ts";
import { lineParsers } from "../../input/tail/line-parsers.ts";
import { LineSplitter } from "../../input/tail/line-splitter.ts";
import { PathField } from "../../input/tail/path-field.ts";
import { TagTemplate } from "../../input/tail/tag-template.ts";
import { textEncoding } from "../../input/tail/text-encoding.ts";
import type { PluginContext } from "../../plugin.ts";
import { RareWarnings } from "../../rare-warnings.ts";

/** Sources whose lines are parsed one by one, or gathered by their parser. */
const LINE_TYPES = new Set(["tail", "tcp", "udp", "exec"]);

export interface SourceBatch {
  readonly tag: string;
  readonly events: EventStream;
}

/** `path` stands for the file; that of the source where it has only one. Throws ConfigError. */
export function eventsOfLines(context: PluginContext, lines: readonly string[], path: string | undefined): SourceBatch {
  const { element, clock, logger, counters } = context;
  const type = element.text("@type") ?? "";
  const tag = element.text("tag");
  if (!LINE_TYPES.has(type) || tag === undefined) {
    throw new ConfigError(
      `lines can be given to sources of ${[...LINE_TYPES].join(", ")} with a tag; give events`,
      element.position,
    );
  }
  const place = path ?? onlyPath(element.text("path"));
  if (place === undefined && tag.includes("*")) {
    throw new ConfigError("the tag holds the path: give the input a 'path'", element.position);
  }
  const { convert } = textEncoding(element.text("encoding"), element.text("from_encoding"), element.position);
  const parsers = lineParsers(element, { clock, logger });
  const pathKey = element.text("path_key");
  const events = new LineEvents({
    ...parsers,
    convert,
    pathField: pathKey === undefined ? undefined : new PathField(pathKey),
    emitsUnmatched: parseBool(element.text("emit_unmatched_lines") ?? "false") ?? false,
    clock,
    counters,
    warnings: new RareWarnings(logger, clock),
  });
  const splitter = new LineSplitter(events, parsers.parser, Buffer.from("\n"), Number.MAX_SAFE_INTEGER);
  const target = { writer: new ByteWriter(), size: 0 };
  const source = { path: place ?? "", pathValue: encode(place ?? "") };
  const block = Buffer.from(lines.map((line) => `${line}\n`).join(""));
  const whole = { maxLines: Number.POSITIVE_INFINITY, isFinal: true, flushes: true, searched: 0 };
  splitter.take(block, whole, target, source);
  return { tag: new TagTemplate(tag).tagOf(place ?? ""), events: new EventStream(target.writer.take(), target.size) };
}

function onlyPath(path: string | undefined): string | undefined {
  return path === undefined || /[*?[{,%]/.test(path) ? undefined : path;
}
