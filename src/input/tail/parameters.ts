/** Parameters of `@type tail`. Source: fluentd 1.18 plugin/in_tail.rb, in_tail/group_watch.rb; COMPAT 5.1. */

import {
  array,
  bool,
  enumeration,
  integer,
  parseHash,
  parseRegexp,
  regexp,
  size,
  string,
  time,
} from "../../config/literals.ts";
import { type ConfigOf, many, optional, parameterType, section } from "../../config/parameters.ts";
import { parseParameters, parseSections } from "../../parser/parser-list.ts";
import { LINE_LIMIT_BYTES } from "./limits.ts";

/** A hash whose values are expressions. */
const expressions = parameterType<Record<string, RegExp>>("hash of regexp", (text) =>
  Object.fromEntries(Object.entries(parseHash(text)).map(([name, value]) => [name, parseRegexp(String(value))])),
);

const CONTAINER_PATH =
  "/^\\/var\\/log\\/containers\\/(?<podname>[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\/[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)_" +
  "(?<namespace>[^_]+)_(?<container>.+)-(?<docker_id>[a-z0-9]{64})\\.log$/";

const ruleTable = section({
  match: expressions.default("Expressions by the names of the pattern's groups.", { namespace: /.*/m, podname: /.*/m }),
  limit: integer.default("Lines of all files of the group in a period; -1 is no limit, 0 is none at all.", -1),
});

const groupTable = section(
  {
    pattern: regexp.default("Finds the parts of a path by which files are grouped.", parseRegexp(CONTAINER_PATH)),
    rate_period: time.default("Seconds for which the limits count.", 5),
  },
  { rule: many(ruleTable) },
);

export const tailTable = section(
  {
    path: string.required("Files to read, with `path_delimiter` between them, strftime's directives and globs."),
    path_delimiter: string.default("What stands between paths.", ","),
    glob_policy: enumeration("backward_compatible", "extended", "always").default(
      "Which paths are globs: those with `*`; also with `?` and `[…]`; also with `{a,b}`.",
      "backward_compatible",
    ),
    tag: string.required("Tag of the events; a `*` becomes the path with dots for slashes."),
    exclude_path: array.default("Files not to read, written as in `path`.", []),
    rotate_wait: time.default("Seconds that a rotated file is still looked at after it was read to its end.", 5),
    pos_file: string.optional("Where the positions are kept, in fluentd's format."),
    pos_file_compaction_interval: time.optional("Seconds between clean-ups of `pos_file`; without it at start only."),
    read_from_head: bool.default("Read new files from their head at the first start, too.", false),
    refresh_interval: time.default("Seconds between searches for new files.", 60),
    read_lines_limit: integer.default("Lines that are handed over at a time.", 1000),
    read_bytes_limit_per_second: size.default("Bytes that are read of a file in a second; -1 is no limit.", -1),
    multiline_flush_interval: time.optional("Seconds after which the last event of several lines counts as whole."),
    emit_unmatched_lines: bool.default("Make an event of a line that the parser does not take.", false),
    enable_watch_timer: bool.default(
      "Look at every file each second; without it every five seconds where there are more than 512.",
      true,
    ),
    enable_stat_watcher: bool.default("Look at once when the system notifies of a change.", true),
    encoding: string.optional("Encoding of the records. With no `from_encoding` the bytes stay as they are."),
    from_encoding: string.optional("Encoding of the files."),
    path_key: string.optional("Field of the records that gets the path."),
    open_on_every_update: bool.default("Open a file for each read only.", false),
    limit_recently_modified: time.optional("Of the files that a glob finds, only those changed since so many seconds."),
    skip_refresh_on_startup: bool.default("Search for files only after the first `refresh_interval`.", false),
    ignore_repeated_permission_error: bool.default("Say once only that a file cannot be read.", false),
    path_timezone: string.optional("Zone of the directives in `path`, such as +09:00 or Asia/Tokyo."),
    follow_inodes: bool.default("Keep positions by inode, so that rotated files may be among the paths.", false),
    max_line_size: size.optional(
      `Longer lines, with their end, are left out with a warning. Suiro's own limit is ${LINE_LIMIT_BYTES} bytes.`,
    ),
    ...parseParameters,
  },
  { ...parseSections, group: optional(groupTable) },
);

export type TailConfig = ConfigOf<typeof tailTable>;
