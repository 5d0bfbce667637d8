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

/** A section `<name argument> … </name>`; the root of a file has the name ROOT. */
export class ConfigElement {
  readonly name: string;
  /** Text behind the name, "" where there is none. */
  readonly argument: string;
  readonly position: SourcePosition;
  /** In the order of the text; of a key that stands twice, the last one wins. */
  readonly parameters: ConfigParameter[];
  readonly children: ConfigElement[];

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

  /** The parameter that counts for `key`: the last one. */
  parameter(key: string): ConfigParameter | undefined {
    return this.parameters.findLast((parameter) => parameter.key === key);
  }

  /** The text of `key`, or undefined when it is absent, nil or default. */
  text(key: string): string | undefined {
    const parameter = this.parameter(key);
    return parameter === undefined || parameter.special ? undefined : parameter.value;
  }

  childrenNamed(name: string): ConfigElement[] {
    return this.children.filter((child) => child.name === name);
  }

  /** `<match a.**>`: how messages name this element. */
  get title(): string {
    return this.argument === "" ? `<${this.name}>` : `<${this.name} ${this.argument}>`;
  }
}
