/**
 * Files for `suiro test`: what goes into a configuration, and what each output must get.
 *
 * ```yaml
 * config: fluent.conf            # relative to this file; or -c on the command line
 * env: { APP_ENV: production }   # what ENV has in the configuration
 * cases:
 *   - name: errors go to the archive
 *     input:
 *       - { tag: app.web, record: { level: error }, time: 2024-01-02T03:04:05Z }
 *       - { source: containers, path: /var/log/containers/x.log, lines: ["…"] }
 *     expect:
 *       archive: [ { tag: app.web, record: { level: error } } ]
 *       dashboard: []
 * ```
 */

import { dirname, resolve } from "node:path";
import { systemFiles } from "../../config/files.ts";
import { type MapNode, plainValue, readYaml, type YamlNode } from "../../config/yaml-nodes.ts";
import { ConfigError, errorMessage } from "../../errors.ts";

/** An event, or lines that a source reads. */
export interface CaseInput {
  readonly line: number;
  /** `@id` or name of the source that it comes from; else the event goes where `label` says, or to the root. */
  readonly source?: string;
  readonly label?: string;
  readonly tag?: string;
  readonly time?: string | number;
  readonly record?: Record<string, unknown>;
  readonly lines?: readonly string[];
  /** Of the file that the lines stand in. */
  readonly path?: string;
}

export interface ExpectedEvent {
  readonly tag?: string;
  readonly time?: string | number;
  readonly record?: Record<string, unknown>;
}

export interface TestCase {
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly input: readonly CaseInput[];
  /** What each output must get, in this order; outputs that are not named may get anything. */
  readonly expect: Readonly<Record<string, readonly ExpectedEvent[]>>;
}

export interface CaseFile {
  readonly config: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly cases: readonly TestCase[];
}

/** Throws ConfigError with file and line. */
export function readCaseFile(file: string): CaseFile {
  let text: string;
  try {
    text = systemFiles.read(file);
  } catch (error) {
    throw new ConfigError(`cannot read ${file} - ${errorMessage(error)}`, undefined, { cause: error });
  }
  const root = mapOf(readYaml(text, file), ["config", "env", "cases"]);
  const config = root.entries.get("config");
  const environment = root.entries.get("env");
  const cases = root.entries.get("cases");
  if (!cases) throw new ConfigError("'cases' is missing: a list of cases", root.position);
  const nodes = listOf(cases.value);
  if (nodes.length === 0) throw new ConfigError("'cases' is empty: nothing would be tested", cases.value.position);
  return {
    config: config && resolve(dirname(file), String(plainValue(config.value))),
    environment: Object.fromEntries(
      Object.entries(environment ? (plainValue(mapOf(environment.value)) as object) : {}).map(([key, value]) => [
        key,
        String(value ?? ""),
      ]),
    ),
    cases: nodes.map((node) => readCase(node, file)),
  };
}

function readCase(node: YamlNode, file: string): TestCase {
  const map = mapOf(node, ["name", "input", "expect"]);
  const part = (key: string) => {
    const entry = map.entries.get(key);
    if (!entry) throw new ConfigError(`a case needs '${key}'`, map.position);
    return entry.value;
  };
  const expected = mapOf(part("expect"));
  if (expected.entries.size === 0) {
    throw new ConfigError(
      "'expect' names no output, so that the case cannot fail; [] is for one that gets nothing",
      map.position,
    );
  }
  return {
    name: String(plainValue(part("name"))),
    file,
    line: map.position.line,
    input: listOf(part("input")).map((item) => ({
      ...(plainValue(mapOf(item, INPUT_KEYS)) as Omit<CaseInput, "line">),
      line: item.position.line,
    })),
    expect: Object.fromEntries(
      [...expected.entries].map(([output, { value }]) => [
        output,
        listOf(value).map((item) => plainValue(mapOf(item, ["tag", "time", "record"])) as ExpectedEvent),
      ]),
    ),
  };
}

const INPUT_KEYS = ["source", "label", "tag", "time", "record", "lines", "path"];

function mapOf(node: YamlNode, keys?: readonly string[]): MapNode {
  if (node.kind !== "map") throw new ConfigError("a map must stand here", node.position);
  for (const [key, { position }] of node.entries) {
    if (keys && !keys.includes(key)) {
      throw new ConfigError(`'${key}' is not known here: there are ${keys.join(", ")}`, position);
    }
  }
  return node;
}

function listOf(node: YamlNode): readonly YamlNode[] {
  if (node.kind !== "list") throw new ConfigError("a list must stand here", node.position);
  return node.items;
}
