/**
 * A page of documentation, as its test reads it: fenced blocks by their language, and the commands within sentences.
 *
 * | Fence           | What it is                                                                              |
 * |-----------------|-----------------------------------------------------------------------------------------|
 * | ```sh           | runs to its end, which must be good                                                     |
 * | ```sh service   | keeps running to the end of its section; what follows starts when its workers run       |
 * | ```sh elsewhere | takes a cloud or an hour: another test has its commands                                 |
 * | ```fluentd      | a configuration                                                                         |
 * | ```yaml         | YAML                                                                                    |
 * | ```text         | no code                                                                                 |
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Block {
  /** `sh`, `sh service` and so on; "" where the fence says nothing. */
  readonly language: string;
  readonly line: number;
  /** The heading that it stands under, by its number. */
  readonly section: number;
  readonly text: string;
}

export interface DocumentationPage {
  readonly path: string;
  readonly blocks: readonly Block[];
  /** What stands between backquotes in sentences and tables. */
  readonly quoted: readonly string[];
  /** Lines outside of fences that Markdown shows as code, since they are indented. */
  readonly indented: readonly number[];
}

/** README.md, README.ja.md, and every page under docs/. */
export function documentationPages(): DocumentationPage[] {
  const pages = readdirSync("docs", { recursive: true, encoding: "utf8" }).map((name) => join("docs", name));
  return ["README.md", "README.ja.md", ...pages.sort()]
    .filter((path) => path.endsWith(".md") && existsSync(path))
    .map((path) => documentationPage(path, readFileSync(path, "utf8")));
}

export function documentationPage(path: string, text: string): DocumentationPage {
  const blocks: Block[] = [];
  const indented: number[] = [];
  const prose: string[] = [];
  let section = 0;
  let open: { indent: string; language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^( *)```(.*)$/.exec(line);
    if (open && fence) {
      const { language, line: first, lines } = open;
      blocks.push({ language, line: first, section, text: `${lines.join("\n")}\n` });
      open = undefined;
    } else if (open) open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    else if (fence) open = { indent: fence[1] as string, language: fence[2] as string, line: index + 1, lines: [] };
    else {
      if (/^##+ /.test(line)) section += 1;
      if (/^(?: {4}|\t)/.test(line)) indented.push(index + 1);
      prose.push(line);
    }
  }
  const quoted = [...prose.join("\n").matchAll(/`([^`]+)`/g)].map(([, code]) => (code as string).replaceAll("\n", " "));
  return { path, blocks, quoted, indented };
}
