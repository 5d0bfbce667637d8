/** Configuration for tests, without a file: a section from its keys and values. */

import { ConfigElement } from "../../src/config/element.ts";
import { readSectionOrThrow, type SectionTable } from "../../src/config/parameters.ts";

/** The parameters stand on lines 2, 3, … of `test.conf`, the section itself on line 1. */
export function configElement(name: string, argument: string, values: Record<string, string>): ConfigElement {
  const parameters = Object.entries(values).map(([key, value], index) => {
    return { key, value, position: { file: "test.conf", line: index + 2 } };
  });
  return new ConfigElement(name, argument, { file: "test.conf", line: 1 }, parameters);
}

/** Reads a section with `table`. Throws ConfigError. */
export function configSection<T>(table: SectionTable<T>, argument: string, values: Record<string, string>): T {
  return readSectionOrThrow(table, configElement("section", argument, values));
}
