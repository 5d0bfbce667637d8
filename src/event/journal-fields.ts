/**
 * What the names of a systemd journal's fields become: the options of the systemd source's `<entry>` and of the filter
 * systemd_entry. Source: fluent-plugin-systemd 1.1.2, lib/fluent/plugin/systemd/entry_mutator.rb.
 */

import { bool, hash } from "../config/literals.ts";
import { type ConfigOf, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";

export const journalFieldParameters = {
  field_map: hash.optional('New names of fields: {"MESSAGE": "log", "_PID": ["process", "pid"]}.'),
  field_map_strict: bool.default("Only the fields of field_map.", false),
  fields_strip_underscores: bool.default("Other fields lose the underscores that their names begin with.", false),
  fields_lowercase: bool.default("Names of other fields in small letters.", false),
};

export const journalFieldTable = section(journalFieldParameters);

/** Names and values in msgpack, in their order. */
export type JournalFieldValues = ReadonlyMap<string, Buffer>;

/** The bytes of the text that stands for a value when values are joined. */
export type ValueText = (value: Buffer) => Buffer;

/** Fields that only journald and the kernel write: no program can give another value for their names. */
const TRUSTED = (
  "_PID _UID _GID _COMM _EXE _CMDLINE _AUDIT_SESSION _AUDIT_LOGINUID _SYSTEMD_CGROUP _SYSTEMD_SESSION _SYSTEMD_UNIT " +
  "_SYSTEMD_USER_UNIT _SYSTEMD_OWNER_UID _SELINUX_CONTEXT _SOURCE_REALTIME_TIMESTAMP _BOOT_ID _MACHINE_ID _HOSTNAME " +
  "_TRANSPORT _KERNEL_DEVICE _KERNEL_SUBSYSTEM _UDEV_SYSNAME _UDEV_DEVNODE _UDEV_DEVLINK"
).split(" ");

const NIL = 0xc0;
const BLANK = Buffer.from(" ");

export class JournalFields {
  readonly #config: ConfigOf<typeof journalFieldTable>;
  readonly #targets: ReadonlyMap<string, readonly string[]>;
  /** New names of each field of field_map. */
  readonly #map: ReadonlyMap<string, readonly string[]>;
  readonly #changesNothing: boolean;
  readonly #textOf: ValueText;
  readonly #write: (text: Buffer) => Buffer;

  /** `write` gives the msgpack of a text. Throws ConfigError. */
  constructor(config: ConfigOf<typeof journalFieldTable>, textOf: ValueText, write: (text: Buffer) => Buffer) {
    this.#config = config;
    this.#textOf = textOf;
    this.#write = write;
    const given = config.fieldMap ?? {};
    this.#map = new Map(Object.entries(given).map(([field, names]) => [field, namesOf(names, config)]));
    this.#targets = targetsOf(given, this.#map);
    this.#changesNothing =
      this.#map.size === 0 && !config.fieldMapStrict && !config.fieldsStripUnderscores && !config.fieldsLowercase;
  }

  /** `lookUp` finds a field that field_map names. */
  run(fields: JournalFieldValues, lookUp = (name: string) => fields.get(name)): JournalFieldValues {
    if (this.#changesNothing) return fields;
    const result = new Map<string, Buffer>();
    for (const [name, sources] of this.#targets) {
      const values = sources.flatMap((source) => notNil(lookUp(source)));
      if (values.length > 0) result.set(name, this.#join(values));
    }
    if (!this.#config.fieldMapStrict) this.#addOthers(fields, result);
    return result;
  }

  #addOthers(fields: JournalFieldValues, result: Map<string, Buffer>): void {
    const reserved = this.#reservedNames(fields);
    for (const [field, value] of fields) {
      if (this.#map.has(field)) continue;
      const name = this.#nameOf(field);
      if (!field.startsWith("_") && reserved.has(name)) continue;
      result.set(name, this.#join([...notNil(value), ...notNil(result.get(name))]));
    }
  }

  /** Names of trusted fields, which a program's own fields do not get when they lose their underscores. */
  #reservedNames(fields: JournalFieldValues): Set<string> {
    if (!this.#config.fieldsStripUnderscores) return new Set();
    const trusted = [...TRUSTED, ...[...fields.keys()].filter((field) => field.startsWith("_"))];
    const names = trusted.flatMap((field) => {
      const name = this.#nameOf(field);
      const mapped = this.#map.get(field);
      return mapped && !mapped.includes(name) ? [] : [name];
    });
    return new Set(names);
  }

  #nameOf(field: string): string {
    const name = this.#config.fieldsStripUnderscores ? field.replace(/^_+/, "") : field;
    return this.#config.fieldsLowercase ? name.toLowerCase() : name;
  }

  #join(values: readonly Buffer[]): Buffer {
    const [only] = values;
    if (only && values.length === 1) return only;
    return this.#write(
      Buffer.concat(values.flatMap((value, index) => [...(index > 0 ? [BLANK] : []), this.#textOf(value)])),
    );
  }
}

const notNil = (value: Buffer | undefined): Buffer[] => (value === undefined || value[0] === NIL ? [] : [value]);

function namesOf(given: unknown, { element }: ConfigOf<typeof journalFieldTable>): string[] {
  const names = Array.isArray(given) ? given : [given];
  if (names.every((name) => typeof name === "string")) return names;
  const message = "`field_map` values must be strings or an array of strings";
  throw new ConfigError(message, element.parameter("field_map")?.position ?? element.position);
}

/** The fields that go to each new name. As in the plugin, a name also gets fields whose one new name contains it. */
function targetsOf(
  given: Readonly<Record<string, unknown>>,
  map: ReadonlyMap<string, readonly string[]>,
): Map<string, string[]> {
  const names = new Set([...map.values()].flat());
  return new Map(
    [...names].map((name) => [
      name,
      Object.entries(given).flatMap(([field, value]) => ((value as string | string[]).includes(name) ? [field] : [])),
    ]),
  );
}
