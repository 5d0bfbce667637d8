/**
 * The formatter's and the injector's keys of fluentd 0.12, which stand in the plugin's own section. They count where there
 * is no `<format>`, or no `<inject>`. Source: fluentd 1.18 plugin_helper/compat_parameters.rb.
 */

import { ConfigElement, type ConfigParameter } from "../config/element.ts";
import { bool, parseBool, string } from "../config/literals.ts";
import { ConfigError } from "../errors.ts";

/** Keys that go into `<format>`, by their names there. */
const FORMAT_KEYS: Readonly<Record<string, string>> = {
  format: "@type",
  delimiter: "delimiter",
  force_quotes: "force_quotes",
  keys: "keys",
  fields: "fields",
  json_parser: "json_parser",
  label_delimiter: "label_delimiter",
  output_time: "output_time",
  output_tag: "output_tag",
  localtime: "localtime",
  utc: "utc",
  timezone: "timezone",
  message_key: "message_key",
  add_newline: "add_newline",
  output_type: "output_type",
};

/** Keys that go into `<inject>` as they are. */
const INJECT_KEYS = ["time_key", "time_format", "timezone", "tag_key"];
const CHANGED_INJECT_KEYS = ["include_time_key", "include_tag_key", "localtime", "utc"];

const place = (name: string) => `Older place of <format> ${name}.`;

/** For the table of a plugin that has `<format>` and `<inject>`. */
export const flatFormatParameters = {
  format: string.optional("Older name of <format> @type."),
  delimiter: string.optional(place("delimiter")),
  force_quotes: string.optional(place("force_quotes")),
  keys: string.optional(place("keys")),
  fields: string.optional(place("fields")),
  json_parser: string.optional(place("json_parser")),
  label_delimiter: string.optional(place("label_delimiter")),
  output_time: string.optional(place("output_time")),
  output_tag: string.optional(place("output_tag")),
  message_key: string.optional(place("message_key")),
  add_newline: string.optional(place("add_newline")),
  output_type: string.optional(place("output_type")),
  localtime: bool.optional("Older place of localtime in <format> and <inject>."),
  utc: bool.optional("Older place of utc in <format>, and opposite of localtime in <inject>."),
  timezone: string.optional("Older place of timezone in <format> and <inject>."),
  time_key: string.optional("Older place of <inject> time_key."),
  time_format: string.optional("Older place of <inject> time_format."),
  tag_key: string.optional("Older place of <inject> tag_key."),
  include_time_key: bool.optional("Older way to say <inject> time_key time, as text."),
  include_tag_key: bool.optional("Older way to say <inject> tag_key tag."),
  time_as_epoch: bool.optional("Older way to say time_type unixtime, in <format> and <inject>."),
};

const isTrue = (parameter: ConfigParameter | undefined) =>
  parameter !== undefined && parseBool(parameter.value) === true;

/** The `<format>` section that the keys in `owner` mean. */
export function flatFormatSection(owner: ConfigElement): ConfigElement {
  const parameters = owner.parameters.flatMap((parameter) => {
    const key = FORMAT_KEYS[parameter.key];
    return key === undefined ? [] : [{ ...parameter, key }];
  });
  const epoch = owner.parameter("time_as_epoch");
  // Alone it makes no section.
  if (parameters.length > 0 && epoch && isTrue(epoch))
    parameters.push({ ...epoch, key: "time_type", value: "unixtime" });
  return sectionOf("format", owner, parameters);
}

/** The `<inject>` section that the keys in `owner` mean; undefined when there are none. Throws ConfigError. */
export function flatInjectSection(owner: ConfigElement): ConfigElement | undefined {
  if (![...INJECT_KEYS, ...CHANGED_INJECT_KEYS].some((key) => owner.parameter(key))) return undefined;
  const given = INJECT_KEYS.flatMap((key) => owner.parameter(key) ?? []);
  const [time, epoch, tag] = ["include_time_key", "time_as_epoch", "include_tag_key"].map((key) =>
    owner.parameter(key),
  );
  const added: ConfigParameter[] = [];
  const wantsTime = isTrue(time) || isTrue(epoch);
  const { position } = owner;
  if (wantsTime && !owner.parameter("time_key")) added.push({ key: "time_key", value: "time", position });
  if (wantsTime) added.push({ key: "time_type", value: isTrue(epoch) ? "unixtime" : "string", position });
  if (isTrue(tag) && !owner.parameter("tag_key")) added.push({ key: "tag_key", value: "tag", position });
  return sectionOf("inject", owner, [...given, ...added, ...localtime(owner)]);
}

function localtime(owner: ConfigElement): ConfigParameter[] {
  const [local, utc] = [owner.parameter("localtime"), owner.parameter("utc")];
  if (local && utc && (local.value === "false") === (utc.value === "false")) {
    throw new ConfigError("both of utc and localtime are specified, use only one of them", utc.position);
  }
  if (local) return [local];
  return utc ? [{ ...utc, key: "localtime", value: String(!isTrue(utc)) }] : [];
}

function sectionOf(name: string, owner: ConfigElement, parameters: ConfigParameter[]): ConfigElement {
  const element = new ConfigElement(name, "", owner.position, parameters);
  element.isStrict = owner.isStrict;
  return element;
}
