/**
 * A YAML file as a tree of values, each with its place, in the meaning that Ruby gives them. The only importer of yaml,
 * which is loaded when the first YAML file is read. Source: fluentd 1.18 config/yaml_parser/loader.rb.
 */

import { createRequire } from "node:module";
import type * as Yaml from "yaml";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { plainScalar, textScalar, type YamlScalar } from "./yaml-scalar.ts";

interface Placed {
  readonly position: SourcePosition;
}

/** `!fluent/s`: a text between double quotes of Ruby. */
export interface EmbeddedNode extends Placed {
  readonly kind: "embedded";
  readonly code: string;
}

/** `!fluent/json`: the JSON of a value. */
export interface JsonNode extends Placed {
  readonly kind: "json";
  readonly content: YamlNode;
}

/** `!include`: what the files of a pattern hold. */
export interface IncludeNode extends Placed {
  readonly kind: "include";
  readonly pattern: string;
}

export interface ScalarNode extends Placed, YamlScalar {
  readonly kind: "scalar";
}

export interface ListNode extends Placed {
  readonly kind: "list";
  readonly items: readonly YamlNode[];
}

export interface MapNode extends Placed {
  readonly kind: "map";
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export interface MapEntry {
  readonly value: YamlNode;
  /** Of the key. */
  readonly position: SourcePosition;
}

export type YamlNode = EmbeddedNode | JsonNode | IncludeNode | ScalarNode | ListNode | MapNode;

/** An alias may stand for much, and for aliases. */
const MAX_NODES = 200_000;

const MAX_DEPTH = 100;

/** The first document in `text`. Throws ConfigError with file and line. */
export function readYaml(text: string, file: string): YamlNode {
  const yaml = createRequire(import.meta.url)("yaml") as typeof Yaml;
  const lines = new yaml.LineCounter();
  const [document] = yaml.parseAllDocuments(text, {
    schema: "failsafe",
    version: "1.1",
    uniqueKeys: false,
    lineCounter: lines,
    logLevel: "silent",
    prettyErrors: false,
  }) as Yaml.Document.Parsed[];
  const reader = new Reader(yaml, file, lines, document);
  const [error] = document?.errors ?? [];
  if (error) throw new ConfigError(error.message, reader.positionAt(error.pos[0]));
  return reader.read(document?.contents ?? null, 0);
}

class Reader {
  readonly #yaml: typeof Yaml;
  readonly #file: string;
  readonly #lines: Yaml.LineCounter;
  readonly #document: Yaml.Document.Parsed | undefined;
  #count = 0;

  constructor(yaml: typeof Yaml, file: string, lines: Yaml.LineCounter, document: Yaml.Document.Parsed | undefined) {
    this.#yaml = yaml;
    this.#file = file;
    this.#lines = lines;
    this.#document = document;
  }

  positionAt(offset: number | undefined): SourcePosition {
    return { file: this.#file, line: Math.max(1, this.#lines.linePos(offset ?? 0).line) };
  }

  read(node: Yaml.ParsedNode | null, depth: number): YamlNode {
    const position = this.positionAt(node?.range?.[0]);
    this.#count += 1;
    if (depth > MAX_DEPTH) throw new ConfigError(`YAML nests deeper than ${MAX_DEPTH}`, position);
    if (this.#count > MAX_NODES) throw new ConfigError(`YAML has more than ${MAX_NODES} values`, position);
    const value = this.#plain(node, position, depth);
    const tag = node && "tag" in node ? node.tag?.replace(/^tag:(?!yaml\.org)|^[!/]+/, "") : undefined;
    switch (tag) {
      case "include":
        return { kind: "include", pattern: this.#textOf(value), position };
      case "fluent/s":
        return { kind: "embedded", code: this.#textOf(value), position };
      case "fluent/json":
        return { kind: "json", content: value, position };
      default:
        if (tag !== undefined && tag !== "" && !/^tag:yaml\.org,2002:(?:str|map|seq|int|float|bool|null)$/.test(tag)) {
          throw new ConfigError(`the YAML tag !${tag} is not supported`, position);
        }
        return value;
    }
  }

  #plain(node: Yaml.ParsedNode | null, position: SourcePosition, depth: number): YamlNode {
    const { isAlias, isMap, isSeq } = this.#yaml;
    if (node === null) return { kind: "scalar", ...plainScalar(""), position };
    if (isAlias(node)) {
      const target = this.#document && node.resolve(this.#document);
      if (!target) throw new ConfigError(`no anchor &${node.source} stands before *${node.source}`, position);
      return this.read(target as Yaml.ParsedNode, depth + 1);
    }
    if (isMap(node)) return { kind: "map", entries: this.#entries(node, depth), position };
    if (isSeq(node)) {
      return { kind: "list", items: node.items.map((item) => this.read(item as Yaml.ParsedNode, depth + 1)), position };
    }
    const text = node.source ?? String(node.value ?? "");
    const isText = node.type !== "PLAIN" || node.tag === "tag:yaml.org,2002:str";
    return { kind: "scalar", ...(isText ? textScalar(String(node.value ?? "")) : plainScalar(text)), position };
  }

  /** Of a key that stands twice the last value counts, at the first one's place; `<<` puts the entries of maps there. */
  #entries(node: Yaml.YAMLMap.Parsed, depth: number): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    for (const { key, value } of node.items) {
      const name = this.read(key, depth + 1);
      const content = this.read(value, depth + 1);
      const merged = name.kind === "scalar" && name.text === "<<" ? mapsOf(content) : undefined;
      if (merged) {
        for (const map of merged) for (const [inner, entry] of map.entries) entries.set(inner, entry);
      } else {
        entries.set(this.#textOf(name), { value: content, position: name.position });
      }
    }
    return entries;
  }

  #textOf(node: YamlNode): string {
    if (node.kind === "scalar") return node.text ?? "";
    throw new ConfigError("a text must stand here", node.position);
  }
}

/** What `<<` merges: a map, or maps of which the first one counts. */
function mapsOf(node: YamlNode): MapNode[] | undefined {
  if (node.kind === "map") return [node];
  if (node.kind !== "list") return undefined;
  const maps = node.items.filter((item) => item.kind === "map");
  return maps.length === node.items.length ? maps.reverse() : undefined;
}

/** The value as JavaScript has it, for files that are no configuration. Throws ConfigError where a tag stands. */
export function plainValue(node: YamlNode): unknown {
  switch (node.kind) {
    case "scalar":
      return JSON.parse(node.json);
    case "list":
      return node.items.map(plainValue);
    case "map":
      return Object.fromEntries([...node.entries].map(([key, { value }]) => [key, plainValue(value)]));
    case "json":
      return JSON.stringify(plainValue(node.content));
    default:
      throw new ConfigError("a tag such as !fluent/s or !include cannot stand here", node.position);
  }
}
