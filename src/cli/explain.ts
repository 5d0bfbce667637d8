/**
 * `suiro explain`: what each source, filter and match of a configuration does, which events go where, and what Suiro
 * cannot do of it. Starts nothing and opens no socket.
 */

import { ConfigElement } from "../config/element.ts";
import { matchPattern } from "../pipeline/match-pattern.ts";
import type { ConfigurationSource } from "./configuration.ts";
import { describe } from "./explain/plugin-notes.ts";
import { type Finding, findingsOf, shownPlace } from "./findings.ts";

type Print = (text: string) => void;

const PLUGIN_SECTIONS = ["source", "filter", "match", "store"];
const BROKEN = "✗";

/** Gives 1 when Suiro cannot run the configuration, else 0. */
export async function explain(
  source: ConfigurationSource,
  print: Print = (text) => void process.stdout.write(text),
): Promise<number> {
  const { root, findings } = await findingsOf(source);
  const errors = findings.filter(({ kind }) => kind === "error");
  if (root) new Explanation(root, errors, print).explain();
  explainFindings("What Suiro cannot do", errors, print);
  explainFindings(
    "What is most likely not meant",
    findings.filter(({ kind }) => kind === "warning"),
    print,
  );
  explainVerdict(root, errors, print);
  return errors.length > 0 ? 1 : 0;
}

function explainFindings(title: string, findings: readonly Finding[], print: Print): void {
  if (findings.length > 0) print(`\n${title}\n`);
  for (const finding of findings) print(`  ${shownPlace(finding)}  ${finding.message}\n`);
}

/** Says for how much of the configuration the answer is no. */
function explainVerdict(root: ConfigElement | undefined, errors: readonly Finding[], print: Print): void {
  if (errors.length === 0) return print("\nSuiro runs this configuration.\n");
  print("\nSuiro cannot run this configuration as it is.");
  const plugins = root ? pluginsIn(root) : [];
  const broken = root ? brokenPlugins(root, errors) : new Set();
  if (broken.size > 0) {
    const all = plugins.length;
    print(` ${broken.size} of its ${all} sources, filters and outputs would not run: those with ${BROKEN}.`);
  }
  print("\n");
}

/** Every source, filter and output, with those inside others. */
function pluginsIn(element: ConfigElement): ConfigElement[] {
  return element.children.flatMap((child) => [
    ...(PLUGIN_SECTIONS.includes(child.name) ? [child] : []),
    ...pluginsIn(child),
  ]);
}

/** The plugins in whose lines the errors are. */
function brokenPlugins(root: ConfigElement, errors: readonly Finding[]): Set<ConfigElement> {
  const sections: { element: ConfigElement; plugin: ConfigElement | undefined }[] = [];
  const note = (element: ConfigElement, outer: ConfigElement | undefined) => {
    const plugin = PLUGIN_SECTIONS.includes(element.name) ? element : outer;
    sections.push({ element, plugin });
    for (const child of element.children) note(child, plugin);
  };
  for (const child of root.children) note(child, undefined);
  const broken = errors.map(({ file, line }) => {
    const before = sections.filter(({ element: { position } }) => position.file === file && position.line <= line);
    return before.sort((a, b) => a.element.position.line - b.element.position.line).at(-1)?.plugin;
  });
  return new Set(broken.filter((plugin) => plugin !== undefined));
}

class Explanation {
  readonly #root: ConfigElement;
  readonly #broken: ReadonlySet<ConfigElement>;
  readonly #print: Print;

  constructor(root: ConfigElement, errors: readonly Finding[], print: Print) {
    this.#root = withoutWorkers(root);
    this.#broken = brokenPlugins(root, errors);
    this.#print = print;
  }

  explain(): void {
    this.#explainSources();
    this.#explainLevel("root", this.#root);
    for (const label of this.#root.childrenNamed("label")) this.#explainLevel(`label ${label.argument}`, label);
    this.#explainRoutes();
  }

  #explainSources(): void {
    this.#print("Sources\n");
    for (const source of this.#root.childrenNamed("source")) {
      const label = source.text("@label");
      const tag = source.text("tag");
      const ends = [tag === undefined ? "" : `, tag ${tag}`, label === undefined ? "" : `, to ${label}`].join("");
      this.#line(source, `${describe(source)}${ends}`);
    }
  }

  #explainLevel(name: string, level: ConfigElement): void {
    const rules = rulesOf(level);
    if (rules.length === 0) return;
    this.#print(`\n${name[0]?.toUpperCase()}${name.slice(1)}, in this order\n`);
    for (const rule of rules) {
      this.#line(rule, `${rule.title.padEnd(24)} ${describe(rule)}${bufferOf(rule)}`);
      for (const store of rule.childrenNamed("store")) {
        this.#line(store, `  ${describe(asMatch(store))}${bufferOf(store)}`);
      }
    }
  }

  #line(element: ConfigElement, text: string): void {
    this.#print(`${this.#broken.has(element) ? BROKEN : " "} ${shownPlace(element.position)}  ${text}\n`);
  }

  /** For each source whose tag is known: the rules that its events pass, through labels that are known. */
  #explainRoutes(): void {
    const lines = this.#root.childrenNamed("source").flatMap((source) => {
      const tag = exampleTag(source);
      if (tag === undefined) return [];
      const label = source.text("@label");
      const level = label === undefined ? this.#root : this.#labelled(label);
      const steps = level ? this.#routeOf(tag, level, source, new Set()) : [`no <label ${label}>`];
      return [`  ${shownPlace(source.position)}  ${tag} → ${steps.join(" → ")}\n`];
    });
    if (lines.length === 0) return;
    this.#print("\nRoutes of the tags that are known\n");
    for (const line of lines) this.#print(line);
  }

  #labelled(name: string | undefined): ConfigElement | undefined {
    return this.#root.childrenNamed("label").find(({ argument }) => argument === name);
  }

  #routeOf(tag: string, level: ConfigElement, source: ConfigElement, seen: Set<ConfigElement>): string[] {
    if (seen.has(level)) return ["…"];
    seen.add(level);
    const steps: string[] = [];
    for (const rule of rulesOf(level)) {
      if (!takes(rule, tag)) continue;
      const { file, line } = rule.position;
      const place = file === source.position.file ? `line ${line}` : shownPlace(rule.position);
      steps.push(`${typeOf(rule)}${this.#broken.has(rule) ? ` ${BROKEN}` : ""} (${place})`);
      if (rule.name === "filter") continue;
      const next = typeOf(rule) === "relabel" ? this.#labelled(rule.text("@label")) : undefined;
      return next ? [...steps, ...this.#routeOf(tag, next, source, seen)] : steps;
    }
    return [...steps, "nowhere: no <match> takes it"];
  }
}

/** With the sections of every `<worker>` among the root's own, where they run. */
function withoutWorkers(root: ConfigElement): ConfigElement {
  const children = root.children.flatMap((child) => (child.name === "worker" ? child.children : [child]));
  return new ConfigElement(root.name, root.argument, root.position, root.parameters, children);
}

const typeOf = (element: ConfigElement): string => element.text("@type") ?? element.text("type") ?? "?";

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

function takes(rule: ConfigElement, tag: string): boolean {
  try {
    return matchPattern(rule.argument, rule.position)(tag);
  } catch {
    return false;
  }
}
