/**
 * The parser's keys of fluentd 0.12, which stand in the plugin's own section. They count where there is no `<parse>`.
 * Source: fluentd 1.18 plugin_helper/compat_parameters.rb.
 */

import { ConfigElement, type ConfigParameter } from "../config/element.ts";
import { bool, parseBool, string } from "../config/literals.ts";
import type { Parameter } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";

/** Keys that go into `<parse>` as they are. */
const COPIED = [
  "keys",
  "time_key",
  "time_format",
  "delimiter",
  "keep_time_key",
  "null_empty_string",
  "null_value_pattern",
  "json_parser",
  "label_delimiter",
  "format_firstline",
  "message_key",
  "with_priority",
  "message_format",
  "rfc5424_time_format",
  ...Array.from({ length: 20 }, (_, index) => `format${index + 1}`),
];

const CHANGED = ["format", "types", "types_delimiter", "types_label_delimiter", "localtime", "utc"];

/** For the table of a plugin that has a `<parse>` section. */
export const flatParameters: Record<string, Parameter<string | undefined>> = Object.fromEntries(
  [...CHANGED, ...COPIED].map((name) => [name, string.optional(`Older place of <parse> ${name}.`)]),
);

/** Keys that go into `<extract>` as they are. */
const EXTRACTED = ["time_key", "time_format", "timezone", "tag_key"];

/** For the table of a plugin that takes such keys for `<extract>`, too. */
export const flatExtractParameters = {
  tag_key: string.optional("Older place of <extract> tag_key."),
  timezone: string.optional("Older place of <extract> timezone."),
  time_as_epoch: bool.optional("Older way to say time_key time and time_type unixtime in <extract>."),
};

/** A `<parse>` section made of such keys in `section`; undefined when there are none. Throws ConfigError. */
export function flatParseSection(section: ConfigElement): ConfigElement | undefined {
  const given = [...CHANGED, ...COPIED].some((name) => section.parameter(name) !== undefined);
  if (!given) return undefined;
  const copied = COPIED.flatMap((name) => section.parameter(name) ?? []);
  const parameters = [...typeOf(section), ...copied, ...types(section), ...localtime(section)];
  return sectionOf("parse", section, parameters);
}

/** An `<extract>` section made of such keys in `section`; undefined when there are none. Throws ConfigError. */
export function flatExtractSection(section: ConfigElement): ConfigElement | undefined {
  const keys = ["format", "localtime", "utc", ...EXTRACTED];
  if (!keys.some((name) => section.parameter(name))) return undefined;
  const copied = EXTRACTED.flatMap((name) => section.parameter(name) ?? []);
  return sectionOf("extract", section, [...copied, ...extractedTime(section), ...localtime(section)]);
}

/** An epoch is asked for; a regular expression has a text, as in 0.12. */
function extractedTime(section: ConfigElement): ConfigParameter[] {
  const [format = "", epoch] = [section.text("format"), section.parameter("time_as_epoch")];
  const isEpoch = epoch !== undefined && parseBool(epoch.value) === true;
  if (!isEpoch && !(format.startsWith("/") && format.endsWith("/"))) return [];
  const { position } = section;
  const type = { key: "time_type", value: isEpoch ? "unixtime" : "string", position };
  return section.parameter("time_key") ? [type] : [{ key: "time_key", value: "time", position }, type];
}

function sectionOf(name: string, owner: ConfigElement, parameters: ConfigParameter[]): ConfigElement {
  const element = new ConfigElement(name, "", owner.position, parameters);
  element.isStrict = owner.isStrict;
  return element;
}

function typeOf(section: ConfigElement): ConfigParameter[] {
  const format = section.parameter("format");
  if (!format) return [];
  if (!format.value.startsWith("/") || !format.value.endsWith("/")) return [{ ...format, key: "@type" }];
  return [
    { ...format, key: "@type", value: "regexp" },
    { ...format, key: "expression" },
  ];
}

/** With their own delimiters resolved: JSON has none. */
function types(section: ConfigElement): ConfigParameter[] {
  const given = section.parameter("types");
  if (!given) return [];
  const label = section.text("types_label_delimiter") ?? ":";
  const pairs = given.value.split(section.text("types_delimiter") ?? ",").map((pair) => {
    const [key = "", ...rest] = pair.split(label);
    return [key, rest.join(label)];
  });
  return [{ ...given, value: JSON.stringify(Object.fromEntries(pairs)) }];
}

function localtime(section: ConfigElement): ConfigParameter[] {
  const [local, utc] = [section.parameter("localtime"), section.parameter("utc")];
  if (local && utc) {
    throw new ConfigError("both of utc and localtime are specified, use only one of them", utc.position);
  }
  if (utc) return [{ ...utc, key: "localtime", value: String(parseBool(utc.value) !== true) }];
  return local ? [local] : [];
}
