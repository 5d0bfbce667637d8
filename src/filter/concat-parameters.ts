/** What `@type concat` accepts, and which of its ways to find the end of an event is asked for. */

import { bool, enumeration, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { rubyRegexp } from "../config/ruby/regexp.ts";
import { ConfigError } from "../errors.ts";

export const concatTable = section({
  key: string.required("Field that holds a part of the text."),
  separator: string.default("What stands between the parts.", "\n"),
  n_lines: integer.optional("Parts of one event."),
  multiline_start_regexp: string.optional("Pattern /…/ of a part that begins an event."),
  multiline_end_regexp: string.optional("Pattern /…/ of a part that ends an event."),
  continuous_line_regexp: string.optional("Pattern /…/ of parts that go on; any other part ends the event before it."),
  stream_identity_key: string.optional("Field whose value tells streams of one tag apart."),
  flush_interval: time.default("Seconds without a new part until an event ends; 0 waits for ever.", 60),
  timeout_label: string.optional("Label for events that ended by timeout; without it they go to @ERROR."),
  use_first_timestamp: bool.default("Whether an event has the time of its first part, not its last.", false),
  partial_key: string.optional("Field that says whether more parts follow."),
  partial_value: string.optional("Value of partial_key while more parts follow."),
  keep_partial_key: bool.default("Whether joined events keep partial_key, or partial_cri_logtag_key.", false),
  use_partial_metadata: bool.default("Joins by the fields that Docker's log drivers write.", false),
  partial_metadata_format: enumeration("docker-fluentd", "docker-journald", "docker-journald-lowercase").default(
    "Whose fields they are.",
    "docker-fluentd",
  ),
  keep_partial_metadata: bool.default("Whether joined events keep those fields.", false),
  use_partial_cri_logtag: bool.default("Joins by the log tag of CRI, P or F.", false),
  partial_cri_logtag_key: string.optional("Field with the log tag."),
  partial_cri_stream_key: string.default("Field with the stream's name; joined events lose it.", "stream"),
  buffer_limit_size: size.default("Bytes of an event that waits, where partial_key joins.", 500 * 1024),
  buffer_overflow_method: enumeration("ignore", "truncate", "drop", "new").default(
    "What happens beyond buffer_limit_size.",
    "ignore",
  ),
});

export type ConcatConfig = ConfigOf<typeof concatTable>;

export type ConcatMode = "line" | "partial" | "partial_metadata" | "partial_cri" | "regexp";

/** The mode that the parameters ask for. Throws ConfigError where they ask for none, or for two. */
export function concatMode(config: ConcatConfig): ConcatMode {
  const { position } = config.element;
  const given: readonly [name: string, isGiven: boolean, mode: ConcatMode][] = [
    ["n_lines", config.nLines !== undefined, "line"],
    ["partial_key", config.partialKey !== undefined, "partial"],
    ["use_partial_metadata", config.usePartialMetadata, "partial_metadata"],
    ["use_partial_cri_logtag", config.usePartialCriLogtag, "partial_cri"],
    [
      "multiline_start_regexp/multiline_end_regexp",
      config.multilineStartRegexp !== undefined || config.multilineEndRegexp !== undefined,
      "regexp",
    ],
  ];
  const [first, second] = given.filter(([, isGiven]) => isGiven);
  if (!first) {
    throw new ConfigError(
      "Either n_lines, multiline_start_regexp, multiline_end_regexp, partial_key, use_partial_metadata or use_partial_cri_logtag is required",
      position,
    );
  }
  if (second) throw new ConfigError(`${first[0]} and ${second[0]} are exclusive`, position);
  if (first[2] === "partial" && config.partialValue === undefined) {
    throw new ConfigError("partial_value is required when partial_key is specified", position);
  }
  if (first[2] === "partial_cri" && config.partialCriLogtagKey === undefined) {
    throw new ConfigError(
      "partial_cri_logtag_key is required when use_partial_cri_logtag is true: the field of the log tag, often logtag",
      position,
    );
  }
  return first[2];
}

/** A pattern of this filter: whatever its first and last sign are, they are left out. Throws ConfigError. */
export function slashed(config: ConcatConfig, name: string, text: string | undefined): RegExp | undefined {
  if (text === undefined) return undefined;
  try {
    return rubyRegexp(text.slice(1, -1));
  } catch (error) {
    throw new ConfigError(`${name}: ${(error as Error).message}`, config.element.parameter(name)?.position);
  }
}

/** The fields of Docker's log drivers. */
export function metadataFields(config: ConcatConfig) {
  const prefix = { "docker-fluentd": "partial_", "docker-journald": "CONTAINER_PARTIAL_", "docker-journald-lowercase": "container_partial_" }[config.partialMetadataFormat]; // biome-ignore format: a table
  const isUpper = config.partialMetadataFormat === "docker-journald";
  const named = (name: string) => prefix + (isUpper ? name.toUpperCase() : name);
  return {
    message: named("message"),
    id: named("id"),
    ordinal: named("ordinal"),
    last: named("last"),
    /** journald's driver leaves the message field out of the last part. */
    indicator: config.partialMetadataFormat === "docker-fluentd" ? named("message") : named("id"),
  };
}
