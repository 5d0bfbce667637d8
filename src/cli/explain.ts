/**
 * `suiro explain`: what each source, filter and match of a configuration does, which events go where, and what Suiro
 * cannot do of it. Starts nothing and opens no socket.
 */

import { relative, resolve } from "node:path";
import { ConfigElement } from "../config/element.ts";
import type { Problems } from "../config/parameters.ts";
import { matchPattern } from "../pipeline/match-pattern.ts";
import {
  type ConfigurationSource,
  createFromConfiguration,
  readConfiguration,
  withoutPosition,
} from "./configuration.ts";
import { alternativeTo, describe } from "./explain/plugin-notes.ts";

type Print = (text: string) => void;

/** Gives 1 when Suiro cannot run the configuration, else 0. */
export async function explain(
  source: ConfigurationSource,
  print: Print = (text) => void process.stdout.write(text),
): Promise<number> {
  const { root, plugins, problems } = await readConfiguration(source);
  const found = root ? [problems, createFromConfiguration(root, plugins).problems] : [problems];
  if (root) {
    const flat = withoutWorkers(root);
    explainSources(flat, print);
    explainLevel("root", flat, print);
    for (const label of flat.childrenNamed("label")) explainLevel(`label ${label.argument}`, label, print);
    explainRoutes(flat, print);
  }
  return explainProblems(source, root, found, print);
}

/** With the sections of every `<worker>` among the root's own, where they run. */
function withoutWorkers(root: ConfigElement): ConfigElement {
  const children = root.children.flatMap((child) => (child.name === "worker" ? child.children : [child]));
  return new ConfigElement(root.name, root.argument, root.position, root.parameters, children);
}

function explainSources(root: ConfigElement, print: Print): void {
  print("Sources\n");
  for (const source of root.childrenNamed("source")) {
    const label = source.text("@label");
    const tag = source.text("tag");
    const ends = [tag === undefined ? "" : `, tag ${tag}`, label === undefined ? "" : `, to ${label}`].join("");
    print(`  ${place(source)}  ${describe(source)}${ends}\n`);
  }
}

function explainLevel(name: string, level: ConfigElement, print: Print): void {
  const rules = rulesOf(level);
  if (rules.length === 0) return;
  print(`\n${name[0]?.toUpperCase()}${name.slice(1)}, in this order\n`);
  for (const rule of rules) {
    print(`  ${place(rule)}  ${rule.title.padEnd(24)} ${describe(rule)}${bufferOf(rule)}\n`);
    for (const store of rule.childrenNamed("store")) {
      print(`  ${place(store)}    ${describe(asMatch(store))}${bufferOf(store)}\n`);
    }
  }
}

const rulesOf = (level: ConfigElement): ConfigElement[] =>
  level.children.filter(({ name }) => name === "filter" || name === "match");

const asMatch = ({ argument, position, parameters, children }: ConfigElement): ConfigElement =>
  new ConfigElement("match", argument, position, parameters, children);

function bufferOf(element: ConfigElement): string {
  const [buffer] = element.childrenNamed("buffer");
  if (!buffer) return "";
  const path = buffer.text("path");
  return `; buffer ${buffer.text("@type") ?? "of its default type"}${path === undefined ? "" : ` in ${path}`}`;
}

/** For each source whose tag is known: the rules that its events pass, through labels that are known. */
function explainRoutes(root: ConfigElement, print: Print): void {
  const lines = root.childrenNamed("source").flatMap((source) => {
    const tag = exampleTag(source);
    if (tag === undefined) return [];
    const label = source.text("@label");
    const level = label === undefined ? root : root.childrenNamed("label").find(({ argument }) => argument === label);
    const steps = level ? routeOf(tag, level, root, new Set()) : [`no <label ${label}>`];
    return [`  ${place(source)}  ${tag} → ${steps.join(" → ")}\n`];
  });
  if (lines.length === 0) return;
  print("\nRoutes of the tags that are known\n");
  for (const line of lines) print(line);
}

/** A `*` stands for the path of a file. */
function exampleTag(source: ConfigElement): string | undefined {
  const tag = source.text("tag");
  if (tag === undefined || !tag.includes("*")) return tag;
  const path = (source.text("path") ?? "").split(",")[0] ?? "";
  return tag.replace(
    "*",
    path
      .replaceAll("*", "x")
      .replaceAll("/", ".")
      .replace(/\.{2,}/g, ".")
      .replace(/^\./, ""),
  );
}

function routeOf(tag: string, level: ConfigElement, root: ConfigElement, seen: Set<ConfigElement>): string[] {
  if (seen.has(level)) return ["…"];
  seen.add(level);
  const steps: string[] = [];
  for (const rule of rulesOf(level)) {
    if (!takes(rule, tag)) continue;
    const type = rule.text("@type") ?? "?";
    steps.push(`${type} (line ${rule.position.line})`);
    if (rule.name === "filter") continue;
    const next =
      type === "relabel"
        ? root.childrenNamed("label").find((label) => label.argument === rule.text("@label"))
        : undefined;
    return next ? [...steps, ...routeOf(tag, next, root, seen)] : steps;
  }
  return [...steps, "nowhere: no <match> takes it"];
}

function takes(rule: ConfigElement, tag: string): boolean {
  try {
    return matchPattern(rule.argument, rule.position)(tag);
  } catch {
    return false;
  }
}

/** What is wrong, and what to use instead; gives the exit code. */
function explainProblems(
  source: ConfigurationSource,
  root: ConfigElement | undefined,
  found: readonly Problems[],
  print: Print,
): number {
  const errors = found.flatMap(({ errors: part }) => part);
  const warnings = found.flatMap(({ warnings: part }) => part);
  if (errors.length > 0) print("\nWhat Suiro cannot do\n");
  for (const error of errors) {
    const { file, line } = error.position ?? { file: resolve(source.config), line: 0 };
    print(`  ${shown(file, line)}  ${withoutPosition(error)}\n`);
    const element =
      root && /^Unknown (?:input|filter|output) plugin/.test(withoutPosition(error)) && elementAt(root, file, line);
    const alternative = element ? alternativeTo(element) : undefined;
    if (alternative !== undefined) print(`      instead: ${alternative}\n`);
  }
  if (warnings.length > 0) print("\nWhat is most likely not meant\n");
  for (const { message, position } of warnings) print(`  ${shown(position.file, position.line)}  ${message}\n`);
  print(errors.length > 0 ? "\nSuiro cannot run this configuration as it is.\n" : "\nSuiro runs this configuration.\n");
  return errors.length > 0 ? 1 : 0;
}

function elementAt(element: ConfigElement, file: string, line: number): ConfigElement | undefined {
  for (const child of element.children) {
    if (child.position.file === file && child.position.line === line) return child;
    const found = elementAt(child, file, line);
    if (found) return found;
  }
  return undefined;
}

const place = ({ position }: ConfigElement): string => shown(position.file, position.line);

function shown(file: string, line: number): string {
  const path = relative(process.cwd(), file);
  return `${path.startsWith("..") ? file : path}${line > 0 ? `:${line}` : ""}`;
}
