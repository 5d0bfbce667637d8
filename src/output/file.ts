/**
 * `@type file`: writes each chunk to a file whose path is made of tag, time and fields.
 * Source: fluentd 1.18 out_file.rb; COMPAT 6.4.
 */

import { mkdir, rename, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { Chunk } from "../buffer/chunk.ts";
import { readPlain } from "../buffer/compression.ts";
import { bool, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { formatEvents } from "../formatter/formatter.ts";
import { createFormatter, formatParameters, formatSections } from "../formatter/formatter-list.ts";
import { injection } from "../formatter/inject.ts";
import type { BufferDefaults, BufferedOutputDefinition, PluginContext } from "../plugin.ts";
import { bufferedParameters, bufferedSections } from "./buffered-output-parameters.ts";
import { chunkPath, INDEX_PLACEHOLDER, pathTemplate } from "./file-path.ts";
import { FileWriter } from "./file-writer.ts";
import { placeholderKeysOf, Template } from "./placeholders.ts";

const table = section(
  {
    ...bufferedParameters,
    ...formatParameters,
    path: string.required("Path of the files: with ${tag}, ${field}, strftime directives, or `*` for the time."),
    append: bool.default("Append to the file of the same path instead of numbering files.", false),
    add_path_suffix: bool.default("Put path_suffix behind the path.", true),
    path_suffix: string.default("What stands behind the path.", ".log"),
    compress: enumeration("text", "gz", "gzip").default("Compress the files.", "text"),
    recompress: bool.default("Compress again what the buffer had compressed, as one gzip member.", false),
    symlink_path: string.optional("Symbolic link to the file that was written last."),
  },
  { ...bufferedSections, ...formatSections },
);

type FileConfig = ConfigOf<typeof table>;

const DAY_SECONDS = 86_400;
const BUFFER: BufferDefaults = { chunkKeys: ["time"], type: "file", timekey: DAY_SECONDS };

export const fileOutput: BufferedOutputDefinition<FileConfig> = {
  type: "file",
  kind: "buffered-output",
  table,
  buffer: BUFFER,
  /** fluentd puts the buffer beside the files unless it has a path of its own. */
  bufferPath: "path",
  createWriter(config, context) {
    const isSecondary = config.element.name === "secondary";
    const keys = placeholderKeysOf(config.element, BUFFER, context.clock.now());
    const compressed = config.compress !== "text";
    const rule = pathTemplate({
      path: config.path,
      timekey: keys.timekey,
      timeSliceFormat: config.element.childrenNamed("buffer")[0] ? undefined : config.timeSliceFormat,
      append: config.append,
      suffix: config.addPathSuffix ? config.pathSuffix : "",
      compressed,
      position: config.element.position,
    });
    const path = new Template("path", rule, keys);
    if (isSecondary) path.validateTime(config.element.position);
    else path.validate(config.element.position);
    const link = config.symlinkPath === undefined ? undefined : new Template("symlink_path", config.symlinkPath, keys);
    if (link && isSecondary) {
      throw new ConfigError(
        "symlink_path option is unavailable in <secondary>: consider to use secondary_file plugin",
        config.element.position,
      );
    }
    const formatter = createFormatter(config.element, "out_file", context.logger);
    const inject = injection(config, context.system.workerId);
    const files = fileWriter(context, path);
    return {
      async start() {},
      format: (tag, events) => formatEvents(formatter, tag, inject ? inject(tag, events) : events),
      async write(chunk) {
        const target = chunkPath(path, chunk);
        const blocks = compressed ? gzipBlocks(chunk, config.recompress) : readPlain(chunk);
        const written = config.append
          ? await files.append(target, blocks)
          : await files.create((index) => target.replace(INDEX_PLACEHOLDER, `_${index}`), blocks);
        if (link) await pointLink(chunkPath(link, chunk), written, context.system.dirPermission);
      },
      async stop() {},
    };
  },
};

/** A writer with the modes of `<system>`; events that choose a path choose no link. */
export function fileWriter(context: PluginContext, path: Template): FileWriter {
  return new FileWriter({
    fileMode: context.system.filePermission,
    folderMode: context.system.dirPermission,
    refuseLinks: path.hasValues,
  });
}

/** The chunk as gzip: as the buffer stored it where that is gzip, else compressed now. */
export async function* gzipBlocks(chunk: Chunk, recompress: boolean): AsyncIterable<Buffer> {
  if (chunk.compression === "gzip" && !recompress) return yield* chunk.read();
  const gzip = createGzip();
  const source = Readable.from(readPlain(chunk), { objectMode: false });
  source.once("error", (error) => gzip.destroy(error));
  for await (const block of source.pipe(gzip)) yield block as Buffer;
}

/** Replaces the link in one step, so that it never misses. */
async function pointLink(link: string, target: string, folderMode: number): Promise<void> {
  const fresh = `${link}.${process.pid}.new`;
  await mkdir(dirname(link), { recursive: true, mode: folderMode });
  await symlink(target, fresh);
  await rename(fresh, link);
}
