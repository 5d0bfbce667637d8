/**
 * Parameter tables: what a section may hold. A plugin's table is the one source of its types, defaults, validation and
 * documentation. `readSection` turns an element into a typed object with camelCase keys.
 *
 * A parameter is honoured, or refused by name; an unknown one is reported with the nearest known name.
 * Source: fluentd 1.18 config/configure_proxy.rb and section.rb (required, default, nil, alias, unused).
 */

import { ConfigError, type SourcePosition } from "../errors.ts";
import type { ConfigElement, ConfigParameter } from "./element.ts";
import { nearest } from "./nearest.ts";

/**
 * Turns a value's text into what it means, or undefined where fluentd gets nil. Throws Error with the reason only.
 * `isStrict`: the configuration wants numbers that parse whole.
 */
export type ParseValue<T> = (text: string, position: SourcePosition, isStrict: boolean) => T | undefined;

/** Says what is likely a mistake about a text that is valid, or undefined. */
export type CheckValue = (text: string) => string | undefined;

export interface Parameter<T> {
  /** The type's name in messages and documentation: "integer", "size". */
  readonly type: string;
  readonly parse: ParseValue<T>;
  readonly check: CheckValue | undefined;
  readonly fallback: T | undefined;
  readonly required: boolean;
  /** One sentence; the documentation is generated from it. */
  readonly doc: string;
  /** Another name that configurations use. */
  readonly alias: string | undefined;
  /** Shown as `xxxxxx` wherever the configuration is printed. */
  readonly secret: boolean;
  /** Why the parameter cannot be honoured; using it is an error that gives this reason. */
  readonly refused: string | undefined;
  /** What to write instead; using it is a warning. */
  readonly deprecated: string | undefined;
}

export interface ParameterOptions {
  readonly alias?: string;
  readonly secret?: boolean;
  readonly deprecated?: string;
}

export interface SectionUse<T> {
  readonly table: SectionTable<T>;
  readonly many: boolean;
  readonly required: boolean;
  /** Read with defaults even where the section is absent. */
  readonly always: boolean;
}

/** A section whose meaning the plugin finds out by itself: it gets the elements. */
export interface RawSection {
  readonly raw: true;
  readonly required: boolean;
}

type Parameters = Record<string, Parameter<unknown>>;
type Sections = Record<string, SectionUse<unknown> | RawSection>;

/** `flush_interval` becomes `flushInterval`. */
export type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

export interface SectionTable<T> {
  readonly parameters: Parameters;
  readonly sections: Sections;
  /** Any further key is kept, as text, in `extra`: for sections whose keys are free, such as `<record>`. */
  readonly free: boolean;
  /** Never set; carries the type. */
  readonly shape?: T;
}

/** What every section gives beside its own values. */
export interface SectionBase {
  readonly argument: string;
  readonly element: ConfigElement;
  /** Keys outside the table, in a table that allows them. */
  readonly extra: ReadonlyMap<string, string>;
}

type ValueOf<P> = P extends Parameter<infer T> ? T : never;
type UseOf<S> = S extends RawSection
  ? ConfigElement[]
  : S extends { many: true; table: SectionTable<infer T> }
    ? T[]
    : S extends { required: true; table: SectionTable<infer T> }
      ? T
      : S extends { always: true; table: SectionTable<infer T> }
        ? T
        : S extends { table: SectionTable<infer T> }
          ? T | undefined
          : never;

export type TableShape<P, S> = SectionBase & { readonly [K in keyof P & string as CamelCase<K>]: ValueOf<P[K]> } & {
  readonly [K in keyof S & string as CamelCase<K>]: UseOf<S[K]>;
};

/** The typed result of reading a section with this table. */
export type ConfigOf<Table> = Table extends SectionTable<infer T> ? T : never;

// biome-ignore lint/complexity/noBannedTypes: an empty table has no keys.
export function section<P extends Parameters, S extends Sections = {}>(
  parameters: P,
  sections?: S,
  options: { free?: boolean } = {},
): SectionTable<TableShape<P, S>> {
  return { parameters, sections: sections ?? {}, free: options.free ?? false };
}

/** The section may stand once; absent gives undefined. */
export function optional<T>(table: SectionTable<T>) {
  return { table, many: false, required: false, always: false } as const;
}

/** The section stands exactly once. */
export function one<T>(table: SectionTable<T>) {
  return { table, many: false, required: true, always: false } as const;
}

/** The section may stand once; absent gives its defaults. */
export function withDefaults<T>(table: SectionTable<T>) {
  return { table, many: false, required: false, always: true } as const;
}

/** The section may stand any number of times. */
export function many<T>(table: SectionTable<T>) {
  return { table, many: true, required: false, always: false } as const;
}

/** The elements as they are, any number of them. */
export const raw: RawSection = { raw: true, required: false };

/** Builds the functions `optional(doc)`, `default(doc, value)` and `required(doc)` of one parameter type. */
export function parameterType<T>(type: string, parse: ParseValue<T>, check?: CheckValue) {
  const make = (doc: string, fallback: unknown, required: boolean, options: ParameterOptions) => ({
    type,
    parse,
    check,
    doc,
    fallback,
    required,
    alias: options.alias,
    secret: options.secret ?? false,
    deprecated: options.deprecated,
    refused: undefined,
  });
  return {
    /** nil when absent. */
    optional: (doc: string, options: ParameterOptions = {}) =>
      make(doc, undefined, false, options) as Parameter<T | undefined>,
    /** `fallback` when absent. */
    default: (doc: string, fallback: T, options: ParameterOptions = {}) =>
      make(doc, fallback, false, options) as Parameter<T>,
    /** An error when absent. */
    required: (doc: string, options: ParameterOptions = {}) => make(doc, undefined, true, options) as Parameter<T>,
  };
}

/** A parameter of fluentd that Suiro does not have: using it is an error that says why and what to do. */
export function refused(reason: string): Parameter<undefined> {
  return {
    type: "refused",
    parse: () => undefined,
    check: undefined,
    doc: reason,
    fallback: undefined,
    required: false,
    alias: undefined,
    secret: false,
    deprecated: undefined,
    refused: reason,
  };
}

/** Collects what is wrong with a configuration, so that one run shows all of it. */
export class Problems {
  readonly errors: ConfigError[] = [];
  readonly warnings: { message: string; position: SourcePosition }[] = [];

  error(message: string, position?: SourcePosition): void {
    this.errors.push(new ConfigError(message, position));
  }

  warn(message: string, position: SourcePosition): void {
    this.warnings.push({ message, position });
  }

  /** Runs `action`; a ConfigError is kept instead of thrown, and gives undefined. */
  guard<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.errors.push(error);
      return undefined;
    }
  }
}

/** Keys that the agent reads itself, in every plugin section. */
const RESERVED = new Set(["@type", "@id", "@label", "@log_level", "type", "id", "log_level"]);

/** Sections that the agent reads itself. */
const RESERVED_SECTIONS = new Set<string>();

/**
 * Reads `element` with `table`. Errors go to `problems`; with errors the result is not fit for use, but its shape is
 * right, so that a check can go on and find more.
 */
export function readSection<T>(table: SectionTable<T>, element: ConfigElement, problems: Problems): T {
  const values: Record<string, unknown> = { argument: element.argument, element };
  for (const [name, parameter] of Object.entries(table.parameters)) {
    values[camelCase(name)] = readParameter(name, parameter, element, problems);
  }
  for (const [name, use] of Object.entries(table.sections)) {
    values[camelCase(name)] = readChildren(name, use, element, problems);
  }
  values.extra = readUnknown(table, element, problems);
  return values as T;
}

/** Reads `element` and throws the first error. For sections that are read outside a check. */
export function readSectionOrThrow<T>(table: SectionTable<T>, element: ConfigElement): T {
  const problems = new Problems();
  const config = readSection(table, element, problems);
  if (problems.errors[0]) throw problems.errors[0];
  return config;
}

function readParameter(name: string, spec: Parameter<unknown>, element: ConfigElement, problems: Problems): unknown {
  const given = element.parameter(name) ?? (spec.alias ? element.parameter(spec.alias) : undefined);
  const where = element.name === "ROOT" ? "" : `, in section ${element.name}`;
  if (given === undefined || given.special === "default") {
    if (spec.required) problems.error(`'${name}' parameter is required${where}`, element.position);
    return spec.fallback;
  }
  if (spec.refused !== undefined) {
    problems.error(`'${name}' is not supported: ${spec.refused}`, given.position);
    return undefined;
  }
  if (spec.deprecated !== undefined) problems.warn(`'${name}' is deprecated: ${spec.deprecated}`, given.position);
  const value = parseParameter(name, spec, given, element.isStrict, problems);
  if (value === undefined && (spec.required || spec.fallback !== undefined)) {
    if (!failed(given)) problems.error(`'${name}' parameter is required but nil is specified`, given.position);
    return spec.fallback;
  }
  return value;
}

const failedParameters = new WeakSet<ConfigParameter>();
const failed = (given: ConfigParameter) => failedParameters.has(given);

function parseParameter(
  name: string,
  spec: Parameter<unknown>,
  given: ConfigParameter,
  isStrict: boolean,
  problems: Problems,
): unknown {
  if (given.special === "nil") return undefined;
  const doubt = spec.check?.(given.value);
  if (doubt !== undefined) problems.warn(`'${name}': ${doubt}`, given.position);
  try {
    return spec.parse(given.value, given.position, isStrict);
  } catch (error) {
    failedParameters.add(given);
    problems.error(`${name}: ${error instanceof Error ? error.message : error}`, given.position);
    return undefined;
  }
}

function readChildren(
  name: string,
  use: SectionUse<unknown> | RawSection,
  element: ConfigElement,
  problems: Problems,
): unknown {
  const children = element.childrenNamed(name);
  if ("raw" in use) return children;
  if (use.many) return children.map((child) => readSection(use.table, child, problems));
  const [first, second] = children;
  if (second) problems.error(`'<${name}>' section cannot be written twice or more`, second.position);
  if (first) return readSection(use.table, first, problems);
  if (use.required) problems.error(`<${name}> section is required.`, element.position);
  return use.always || use.required
    ? readSection(use.table, emptySection(name, element), use.always ? problems : new Problems())
    : undefined;
}

function emptySection(name: string, parent: ConfigElement): ConfigElement {
  return Object.create(parent, {
    name: { value: name },
    argument: { value: "" },
    parameters: { value: [] },
    children: { value: [] },
  }) as ConfigElement;
}

function readUnknown(table: SectionTable<unknown>, element: ConfigElement, problems: Problems): Map<string, string> {
  const extra = new Map<string, string>();
  const aliases = Object.values(table.parameters).flatMap((parameter) => parameter.alias ?? []);
  const known = [...Object.keys(table.parameters), ...aliases];
  for (const parameter of element.parameters) {
    if (known.includes(parameter.key)) continue;
    if (table.free) {
      // Free keys may well be named `type` or `id`.
      if (parameter.key.startsWith("@") && RESERVED.has(parameter.key)) continue;
      if (parameter.special === undefined) extra.set(parameter.key, parameter.value);
      continue;
    }
    if (RESERVED.has(parameter.key)) continue;
    const hint = nearest(parameter.key, known);
    const message = `parameter '${parameter.key}' in ${element.title} is not used.`;
    problems.warn(hint ? `${message} Did you mean '${hint}'?` : message, parameter.position);
  }
  for (const child of element.children) {
    if (child.name in table.sections || RESERVED_SECTIONS.has(child.name)) continue;
    const hint = nearest(child.name, Object.keys(table.sections));
    const message = `section <${child.name}> is not used in ${element.title}.`;
    problems.warn(hint ? `${message} Did you mean <${hint}>?` : message, child.position);
  }
  return extra;
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
