/**
 * The parsed configuration: a tree of elements, every node with its file and line. What the text says, not yet what it
 * means; parameter tables (parameters.ts) give the meaning.
 */

import type { SourcePosition } from "../errors.ts";

/** `use_nil` and `use_default` in embedded Ruby stand for a whole value. */
export type SpecialValue = "nil" | "default";

export interface ConfigParameter {
  readonly key: string;
  /** The value's text with quotes, escapes and embedded Ruby already resolved. "" where there was none. */
  readonly value: string;
  readonly special?: SpecialValue;
  readonly position: SourcePosition;
}

/** Old names that still count where the new one is absent. Source: fluentd 1.18 config/element.rb. */
const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ["@type", "type"],
  ["@id", "id"],
  ["@log_level", "log_level"],
]);

/** A section `<name argument> … </name>`; the root of a file has the name ROOT. */
export class ConfigElement {
  readonly name: string;
  /** Text behind the name, "" where there is none. */
  readonly argument: string;
  readonly position: SourcePosition;
  /** In the order of the text; of a key that stands twice, the last one wins. */
  readonly parameters: ConfigParameter[];
  readonly children: ConfigElement[];
  /** Whether numbers must parse whole here: `strict_config_value`. Set once, when the whole text is known. */
  isStrict = false;

  constructor(
    name: string,
    argument: string,
    position: SourcePosition,
    parameters: ConfigParameter[] = [],
    children: ConfigElement[] = [],
  ) {
    this.name = name;
    this.argument = argument;
    this.position = position;
    this.parameters = parameters;
    this.children = children;
  }

  /** The parameter that counts for `key`: the last one. For `@type`, `@id`, `@log_level` also under its old name. */
  parameter(key: string): ConfigParameter | undefined {
    const found = this.parameters.findLast((parameter) => parameter.key === key);
    const oldName = OLD_NAMES.get(key);
    return found ?? (oldName === undefined ? undefined : this.parameter(oldName));
  }

  /** The text of `key`, or undefined when it is absent, nil or default. */
  text(key: string): string | undefined {
    const parameter = this.parameter(key);
    return parameter === undefined || parameter.special ? undefined : parameter.value;
  }

  childrenNamed(name: string): ConfigElement[] {
    return this.children.filter((child) => child.name === name);
  }

  /** The same section, with other parameters. */
  withParameters(parameters: ConfigParameter[]): ConfigElement {
    const copy = new ConfigElement(this.name, this.argument, this.position, parameters, this.children);
    copy.isStrict = this.isStrict;
    return copy;
  }

  /** Whether both say the same, wherever they stand. */
  equals(other: ConfigElement): boolean {
    const values = ({ parameters }: ConfigElement) =>
      JSON.stringify(parameters.map(({ key, value, special }) => [key, value, special]));
    return (
      this.name === other.name &&
      this.argument === other.argument &&
      this.isStrict === other.isStrict &&
      values(this) === values(other) &&
      this.children.length === other.children.length &&
      this.children.every((child, index) => child.equals(other.children[index] as ConfigElement))
    );
  }

  /** `<match a.**>`: how messages name this element. */
  get title(): string {
    return this.argument === "" ? `<${this.name}>` : `<${this.name} ${this.argument}>`;
  }
}
