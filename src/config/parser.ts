/**
 * The configuration language, from text to elements. Source: fluentd 1.18 config/v1_parser.rb; COMPAT 1.1.
 *
 *     file    := { blank | comment | include | param | section }
 *     section := '<' NAME [WS ARG] '>' EOL  file  '</' NAME '>' EOL
 *     param   := KEY [WS VALUE] EOL
 *     include := '@include' WS PATH EOL
 */

import { ConfigError, errorMessage, type SourcePosition } from "../errors.ts";
import { ConfigElement, type ConfigParameter } from "./element.ts";
import type { ConfigFiles } from "./files.ts";
import { includedFiles, MAX_INCLUDE_DEPTH } from "./include.ts";
import { type Literal, scanLine, scanString, scanValue } from "./literal-scanner.ts";
import type { RubyEnvironment } from "./ruby/environment.ts";
import { TextScanner } from "./text-scanner.ts";
import { readYaml } from "./yaml-nodes.ts";
import { type IncludeYaml, parseYaml } from "./yaml-parser.ts";

export type WarnAt = (message: string, position: SourcePosition) => void;

export interface ParseContext {
  readonly ruby: RubyEnvironment;
  readonly files: ConfigFiles;
  readonly warn: WarnAt;
  /** Whether a file is YAML. */
  readonly isYaml: (path: string) => boolean;
  /** Every file that was read, by its identity. */
  readonly seen: Set<string>;
}

/** Where parsed parameters and sections go: the root, or the section around an `@include`. */
export interface ElementBody {
  readonly parameters: ConfigParameter[];
  readonly children: ConfigElement[];
}

/** Deepest nesting of sections. */
const MAX_DEPTH = 64;

const NAME = /[a-zA-Z0-9_]+/y;
const SPACE_AND_COMMENTS = /(?:[ \t\r\n]|#[^\r\n]*)+/y;
const SPACE = /[ \t\r\n]+/y;
const LINE_END = /[ \t]*(?:#[^\n]*)?(?:[\r\n]|$)/y;

const RESERVED = new Set(["@type", "@id", "@label", "@log_level"]);

/** Sections in which a key with `@` that is not reserved is an error; in others it is a warning. */
const DIRECTIVES = new Set(["match", "source", "filter", "system"]);

/** Sections of plugins, whose old names of reserved parameters are reported. */
const PLUGIN_SECTIONS = new Set(["source", "match", "filter", "store", "secondary"]);

/** Parses `text` into `body`. `chain` holds the identities of the files around, outermost first. Throws ConfigError. */
export function parseText(
  text: string,
  file: string,
  body: ElementBody,
  context: ParseContext,
  chain: readonly string[] = [],
): void {
  new Parser(new TextScanner(text, file), context, chain).parse(body);
}

/** Reads and parses one file into `body`; `.yaml` and `.yml` are YAML. Throws ConfigError at `position` when it cannot be read. */
export function parseFile(
  path: string,
  body: ElementBody,
  context: ParseContext,
  position: SourcePosition | undefined,
  chain: readonly string[] = [],
): void {
  const { text, identity } = readFile(path, context, position, chain);
  if (context.isYaml(path)) parseYaml(text, path, body, context, includeYaml(context, [...chain, identity]));
  else parseText(text, path, body, context, [...chain, identity]);
}

/** Reads the files that a YAML file includes. */
function includeYaml(context: ParseContext, chain: readonly string[]): IncludeYaml {
  return (path, position) => {
    const { text, identity } = readFile(path, context, position, chain);
    return { node: readYaml(text, path), include: includeYaml(context, [...chain, identity]) };
  };
}

/** Throws ConfigError. */
function readFile(
  path: string,
  context: ParseContext,
  position: SourcePosition | undefined,
  chain: readonly string[],
): { text: string; identity: string } {
  let text: string;
  let identity: string;
  try {
    text = context.files.read(path);
    identity = context.files.identity(path);
  } catch (error) {
    const what = position ? "include error" : "cannot read the configuration";
    throw new ConfigError(`${what} ${path} - ${errorMessage(error)}`, position, { cause: error });
  }
  if (chain.includes(identity)) throw new ConfigError(`@include goes round in a circle: ${path}`, position);
  if (chain.length >= MAX_INCLUDE_DEPTH) throw new ConfigError(`@include nests too deep: ${path}`, position);
  context.seen.add(identity);
  return { text, identity };
}

class Parser {
  private readonly scanner: TextScanner;
  private readonly context: ParseContext;
  private readonly chain: readonly string[];

  constructor(scanner: TextScanner, context: ParseContext, chain: readonly string[]) {
    this.scanner = scanner;
    this.context = context;
    this.chain = chain;
  }

  /** Everything up to the end tag of the section `name` that opened at `start`; without `name` to the end of the file. */
  parse(body: ElementBody, name?: string, start = 0, depth = 0): void {
    const { scanner } = this;
    for (;;) {
      scanner.scan(SPACE_AND_COMMENTS);
      if (scanner.atEnd) {
        if (name === undefined) return;
        throw scanner.error(`expected end tag '</${name}>' but got end of file`, start);
      }
      if (scanner.startsWith("</")) break;
      if (scanner.next === "<") body.children.push(this.section(depth));
      else if (scanner.scan(name === undefined ? /@?include(?=[ \t\r\n#])/y : /@include(?=[ \t])/y)) this.include(body);
      else this.parameter(body, name);
    }
    this.endTag(name);
  }

  private section(depth: number): ConfigElement {
    const { scanner } = this;
    const start = scanner.offset++;
    if (depth >= MAX_DEPTH) throw scanner.error(`sections nest deeper than ${MAX_DEPTH}`, start);
    const name = scanner.scan(NAME);
    if (name === undefined) throw scanner.error("expected character in tag name");
    scanner.scan(SPACE_AND_COMMENTS);
    const argument = scanString(scanner, this.context.ruby, scanArgument);
    scanner.scan(SPACE_AND_COMMENTS);
    if (scanner.scan(/>/y) === undefined) throw scanner.error("expected '>'");
    if (scanner.scan(LINE_END) === undefined) throw scanner.error("expected end of line after tag");
    const element = new ConfigElement(name, argument.value, scanner.position(start));
    this.parse(element, name, start, depth + 1);
    if (PLUGIN_SECTIONS.has(name)) this.warnOldNames(element);
    return element;
  }

  private endTag(name: string | undefined): void {
    const { scanner } = this;
    const start = scanner.offset;
    scanner.offset += 2;
    const closed = scanner.scan(NAME);
    scanner.scan(SPACE_AND_COMMENTS);
    if (scanner.scan(/>/y) === undefined) throw scanner.error("expected character in tag name");
    if (scanner.scan(LINE_END) === undefined) throw scanner.error("expected end of line after end tag");
    if (closed !== name || name === undefined) throw scanner.error("unmatched end tag", start);
  }

  private parameter(body: ElementBody, section: string | undefined): void {
    const { scanner } = this;
    const position = scanner.position();
    const start = scanner.offset;
    const key = scanString(scanner, this.context.ruby, (here) => here.scan(/[^ \t\r\n]+/y) ?? "");
    if (key.special) throw scanner.error(`use_${key.special} cannot be a parameter's name`, start);
    const space = scanner.scan(SPACE);
    if (space?.includes("\n") || scanner.atEnd) {
      if (key.value === "@include") throw scanner.error("@include needs a path", start);
      body.parameters.push({ key: key.value, value: "", position });
      return;
    }
    if (space === undefined) throw scanner.error("expected end of line");
    this.checkReserved(key.value, section, start);
    const literal = scanValue(scanner, this.context.ruby);
    if (scanner.scan(LINE_END) === undefined) throw scanner.error("expected end of line");
    if (!literal.quoted) this.warnPitfalls(key.value, literal.value, position);
    body.parameters.push(parameterOf(key.value, literal, position));
  }

  private include(body: ElementBody): void {
    const { scanner } = this;
    const start = scanner.offset;
    const position = scanner.position();
    if (scanner.text[start - "@include".length] !== "@") {
      this.context.warn("'include' is deprecated. Use '@include' instead", position);
    }
    scanner.scan(SPACE_AND_COMMENTS);
    const uri = scanString(scanner, this.context.ruby, scanLine);
    if (scanner.scan(LINE_END) === undefined) throw scanner.error("expected end of line");
    if (uri.special || uri.value === "") throw scanner.error("@include needs a path", start);
    let paths: string[];
    try {
      paths = includedFiles(uri.value, scanner.file, this.context.files);
    } catch (error) {
      throw scanner.error(errorMessage(error), start);
    }
    for (const path of paths) parseFile(path, body, this.context, position, this.chain);
  }

  private checkReserved(key: string, section: string | undefined, offset: number): void {
    if (!key.startsWith("@") || RESERVED.has(key)) return;
    const message = "'@' is the system reserved prefix.";
    if (section === undefined || DIRECTIVES.has(section)) {
      throw this.scanner.error(`${message} Don't use '@' prefix parameter in the configuration: ${key}`, offset);
    }
    this.context.warn(
      `${message} It works in the nested configuration for now but it will be rejected: ${key}`,
      this.scanner.position(offset),
    );
  }

  /** What is valid, and most likely not what was meant. */
  private warnPitfalls(key: string, value: string, position: SourcePosition): void {
    if (value.startsWith("#") && !value.startsWith("#{")) {
      this.context.warn(
        `'${key}' has the value '${value}', since a comment needs a value before it. Put the value in quotes, or the comment on its own line.`,
        position,
      );
    } else if (value.startsWith("#{") || (value.includes("#{") && !value.includes("${") && !/^[[{]/.test(value))) {
      this.context.warn(`'${key}' is not evaluated: embedded Ruby needs double quotes around the value.`, position);
    }
  }

  private warnOldNames(element: ConfigElement): void {
    for (const { key, position } of element.parameters) {
      if (!RESERVED.has(`@${key}`) || key === "label" || element.parameters.some((other) => other.key === `@${key}`)) {
        continue;
      }
      this.context.warn(`'${key}' is deprecated parameter name. use '@${key}' instead.`, position);
    }
  }
}

/** A section's argument: up to the first `>`, or the blanks and comments before it. `#` alone begins no comment. */
function scanArgument(scanner: TextScanner): string {
  return scanner.scan(/(?:#|(?!(?:[ \t\r\n]|#[^\r\n]*[\r\n])*>)[^\r\n])*/y) ?? "";
}

function parameterOf(key: string, literal: Literal, position: SourcePosition): ConfigParameter {
  const { value, special } = literal;
  return special ? { key, value, special, position } : { key, value, position };
}
