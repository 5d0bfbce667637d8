/**
 * `@type secondary_file`: only in `<secondary>`: keeps chunks that could not be sent, as the buffer held them.
 * Source: fluentd 1.18 out_secondary_file.rb; COMPAT 6.4.
 */

import { join } from "node:path";
import { readPlain } from "../buffer/compression.ts";
import { bool, enumeration, string } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { strftime } from "../event/strftime.ts";
import type { BufferedOutputDefinition } from "../plugin.ts";
import { bufferedParameters, bufferedSections } from "./buffered-output-parameters.ts";
import { fileWriter, gzipBlocks } from "./file.ts";
import { chunkPath } from "./file-path.ts";
import { type PlaceholderKeys, placeholderKeysOf, Template } from "./placeholders.ts";

const table = section(
  {
    ...bufferedParameters,
    directory: string.required("Folder of the files."),
    basename: string.default("Name of the files; placeholders may stand in both.", "dump.bin"),
    append: bool.default("Append to one file instead of numbering files.", false),
    compress: enumeration("text", "gzip").default("Compress the files.", "text"),
  },
  bufferedSections,
);

type SecondaryFileConfig = ConfigOf<typeof table>;

export const secondaryFileOutput: BufferedOutputDefinition<SecondaryFileConfig> = {
  type: "secondary_file",
  kind: "buffered-output",
  table,
  buffer: { chunkKeys: [], type: "memory" },
  createWriter(config, context) {
    const { position } = config.element;
    if (config.element.name !== "secondary") {
      throw new ConfigError("This plugin can only be used in the <secondary> section", position);
    }
    if (config.basename.includes("/")) throw new ConfigError("basename should not include `/`", position);
    const keys = placeholderKeysOf(config.element, { chunkKeys: [] }, context.clock.now());
    const text = join(config.directory, config.basename);
    const path = new Template("directory", text, keys);
    checkPlaceholders(config, text, path, keys);
    const compressed = config.compress === "gzip";
    const suffix = compressed ? ".gz" : "";
    const files = fileWriter(context, path);
    return {
      async start() {},
      async write(chunk) {
        const target = chunkPath(path, chunk);
        const blocks = compressed ? gzipBlocks(chunk, true) : readPlain(chunk);
        if (config.append) await files.append(target + suffix, blocks);
        else await files.create((index) => `${target}.${index}${suffix}`, blocks);
      },
      async stop() {},
    };
  },
};

/** Refuses placeholders that the chunks of the primary output cannot fill. */
function checkPlaceholders(config: SecondaryFileConfig, text: string, path: Template, keys: PlaceholderKeys): void {
  const refuse = (what: string, which: string) => {
    throw new ConfigError(
      `out_secondary_file: basename or directory has an incompatible placeholder${what}, remove ${which}, from basename or directory`,
      config.element.position,
    );
  };
  const hasTime = strftime(text, 1_000_000_000) !== text;
  if (keys.timekey === undefined && hasTime) refuse("", "time formats, like `%Y%m%d`");
  const tag = /\$\{(tag(?:\[-?\d+\])?)\}/.exec(text)?.[1];
  if (!keys.tag && tag) refuse(` ${tag}`, "tag placeholder, like `${tag}`");
  const unknown = path.keyPlaceholders().find((key) => !keys.fields.includes(key));
  if (unknown) refuse(` ${unknown}`, "variable placeholder, like `${varname}`");
}
