/**
 * Configurations in YAML, to the same elements as the classic form. Source: fluentd 1.18 config/yaml_parser/parser.rb.
 *
 * | YAML                                                     | classic form                          |
 * |----------------------------------------------------------|---------------------------------------|
 * | `system: {…}`, `config: [ … ]` at the root               | `<system>`; the rest                  |
 * | `- source:`, `- filter:`, `- match:` with `$tag`         | `<source>`, `<filter TAG>`, `<match>` |
 * | `- label:` with `$name`, `- worker:` with `$arg`, `config` | `<label NAME>`, `<worker N>`        |
 * | `$type`, `$id`, `$label`, `$log_level`                   | `@type` …                             |
 * | `key: {…}`, a list of maps; `$arg` in them               | sections `<key ARG>`                  |
 * | `!fluent/s "#{ENV['A']}"`, `!fluent/json […]`, `!include` | embedded Ruby, JSON, `@include`      |
 */

import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";
import { ConfigElement, type ConfigParameter } from "./element.ts";
import { type EmbeddedValue, scanEmbeddedRuby } from "./embedded-ruby.ts";
import { includedFiles } from "./include.ts";
import type { ElementBody, ParseContext } from "./parser.ts";
import { TextScanner } from "./text-scanner.ts";
import {
  type EmbeddedNode,
  type ListNode,
  type MapEntry,
  type MapNode,
  readYaml,
  type YamlNode,
} from "./yaml-nodes.ts";

/** Parses `text` into `body`. Throws ConfigError. */
export function parseYaml(
  text: string,
  file: string,
  body: ElementBody,
  context: ParseContext,
  include: IncludeYaml,
): void {
  const builder = new Builder(context, include);
  const root = readYaml(text, file);
  if (root.kind !== "map") {
    throw new ConfigError("a map with the keys `system` and `config` must stand here", root.position);
  }
  builder.root(root, body);
}

/** Reads the file at `path`, which `position` includes, and gives the reader for what it includes. Throws ConfigError. */
export type IncludeYaml = (path: string, position: SourcePosition) => { node: YamlNode; include: IncludeYaml };

/** Keys of a section that are reserved parameters, in the order in which fluentd puts them first. */
const RESERVED = ["type", "label", "id", "log_level"];

const DIRECTIVES = ["label", "source", "filter", "match", "worker"];

class Builder {
  readonly #context: ParseContext;
  readonly #include: IncludeYaml;

  constructor(context: ParseContext, include: IncludeYaml) {
    this.#context = context;
    this.#include = include;
  }

  root(map: MapNode, body: ElementBody): void {
    for (const [key, { position }] of map.entries) {
      if (key !== "system" && key !== "config") {
        this.#context.warn(`'${key}' is not used: system and config are the keys of a configuration in YAML`, position);
      }
    }
    const system = map.entries.get("system");
    if (system && !isNil(system.value)) {
      body.children.push(this.#section("system", this.mapOf(system.value, "system"), system.position));
    }
    const config = map.entries.get("config");
    if (config && !isNil(config.value)) body.children.push(...this.#directives(config.value));
  }

  mapOf(node: YamlNode, what: string): MapNode {
    if (node.kind === "map") return node;
    throw new ConfigError(`${what} must be a map`, node.position);
  }

  /** A list of `- source: …`; included files and lists within it count as if their items stood in it. */
  #directives(node: YamlNode): ConfigElement[] {
    if (node.kind === "include") return this.#included(node.pattern, node.position);
    if (node.kind === "list") return node.items.flatMap((item) => this.#directives(item));
    const map = this.mapOf(node, "an item of config");
    for (const [key, { position }] of map.entries) {
      if (!DIRECTIVES.includes(key)) {
        throw new ConfigError(
          `'${key}' cannot stand here: an item of config is one of ${DIRECTIVES.join(", ")}`,
          position,
        );
      }
    }
    return DIRECTIVES.flatMap((name) => {
      const entry = map.entries.get(name);
      return entry ? this.#directive(name, entry) : [];
    });
  }

  #directive(name: string, { value, position }: MapEntry): ConfigElement {
    const map = this.mapOf(value, name);
    if (name === "source") return this.#section(name, map, position);
    if (name === "filter" || name === "match") return this.#section(name, map, position, "$tag");
    const argument = map.entries.get(name === "label" ? "$name" : "$arg");
    const config = map.entries.get("config");
    if (!config) throw new ConfigError(`${name} needs a list 'config'`, position);
    return new ConfigElement(name, this.#argument(argument), position, [], this.#directives(config.value));
  }

  #included(pattern: string, position: SourcePosition): ConfigElement[] {
    let paths: string[];
    try {
      paths = includedFiles(pattern, position.file, this.#context.files);
    } catch (error) {
      throw new ConfigError(errorMessage(error), position);
    }
    return paths.flatMap((path) => {
      const { node, include } = this.#include(path, position);
      if (node.kind !== "list") throw new ConfigError(`${path}: an included file must be a list of sections`, position);
      return new Builder(this.#context, include).#directives(node);
    });
  }

  /** `argumentKey` holds what stands behind the section's name. */
  #section(name: string, map: MapNode, position: SourcePosition, argumentKey?: string): ConfigElement {
    const argument = argumentKey === undefined ? undefined : map.entries.get(argumentKey);
    const element = new ConfigElement(name, this.#argument(argument), position);
    for (const key of RESERVED) {
      const entry = map.entries.get(`$${key}`);
      if (entry && !isNil(entry.value)) element.parameters.push(this.#parameter(`@${key}`, entry));
    }
    for (const [key, entry] of map.entries) {
      if (key === argumentKey || (RESERVED.includes(key.slice(1)) && key.startsWith("$"))) continue;
      this.#member(element, key, entry);
    }
    return element;
  }

  #member(element: ConfigElement, key: string, entry: MapEntry): void {
    const { value, position } = entry;
    if (value.kind === "map") element.children.push(this.#section(key, value, position, "$arg"));
    else if (value.kind === "list") element.children.push(...this.#sections(key, value));
    else element.parameters.push(this.#parameter(key, entry));
  }

  #sections(key: string, { items }: ListNode): ConfigElement[] {
    return items.map((item) => {
      if (item.kind === "map") return this.#section(key, item, item.position, "$arg");
      throw new ConfigError(`a list makes sections <${key}>: write !fluent/json [ … ] for an array`, item.position);
    });
  }

  #argument(entry: MapEntry | undefined): string {
    if (!entry || isNil(entry.value)) return "";
    const { value, position } = entry;
    if (value.kind === "list") return value.items.map((item) => this.#argument({ value: item, position })).join(",");
    const { value: text, special } = this.#parameter("", entry);
    return special ? "" : text;
  }

  #parameter(key: string, { value, position }: MapEntry): ConfigParameter {
    switch (value.kind) {
      case "scalar":
        if (value.doubt !== undefined) this.#context.warn(`'${key}': ${value.doubt}`, value.position);
        if (value.text === undefined) return { key, value: "", special: "nil", position };
        return { key, value: value.text, position };
      case "json":
        return { key, value: this.#json(key, value.content), position };
      case "embedded": {
        const found = this.#evaluate(key, value);
        return "text" in found ? { key, value: found.text, position } : { key, value: "", ...found, position };
      }
      default:
        throw new ConfigError("a text must stand here", value.position);
    }
  }

  #json(key: string, node: YamlNode): string {
    switch (node.kind) {
      case "scalar":
        return node.json;
      case "json":
        return JSON.stringify(this.#json(key, node.content));
      case "list":
        return `[${node.items.map((item) => this.#json(key, item)).join(",")}]`;
      case "map":
        return `{${[...node.entries].map(([name, { value }]) => `${JSON.stringify(name)}:${this.#json(key, value)}`).join(",")}}`;
      case "embedded": {
        const found = this.#evaluate(key, node);
        if ("text" in found) return JSON.stringify(found.text);
        throw new ConfigError(`use_${found.special} cannot stand within JSON`, node.position);
      }
      case "include":
        throw new ConfigError("!include cannot stand within JSON", node.position);
    }
  }

  /** The text as Ruby reads it between double quotes. */
  #evaluate(key: string, { code, position }: EmbeddedNode): EmbeddedValue {
    const scanner = new TextScanner(`${key} "${code}"}`, position.file);
    scanner.offset = key.length + 1;
    try {
      const found = scanEmbeddedRuby(scanner, this.#context.ruby);
      if (!scanner.atEnd) throw new ConfigError("a double quote within it needs a backslash", scanner.position());
      return found;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const message = error.position
        ? error.message.slice(`${position.file}:${error.position.line}: `.length)
        : error.message;
      throw new ConfigError(`!fluent/s: ${message}`, position, { cause: error });
    }
  }
}

function isNil(node: YamlNode): boolean {
  return node.kind === "scalar" && node.text === undefined;
}
