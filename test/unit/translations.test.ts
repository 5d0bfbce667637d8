/** A page in another language has the commands, tables and sections of the page that it translates. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const languages = readdirSync("docs").filter((name) => /^[a-z]{2}$/.test(name));

/** Commands without what is said of them: comments are translated. */
function commandsOf(page: string): string[] {
  return [...page.matchAll(/^```(sh[^\n]*)\n([\s\S]*?)^```$/gm)].map(
    ([, fence, text]) => `${fence}\n${(text as string).replaceAll(/(^|\s+)#.*$/gm, "").trim()}`,
  );
}

/** What stands between backquotes outside of fences: names, values and commands, in no order, since words move. */
function termsOf(page: string): string[] {
  const text = page.replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/`([^`]+)`/g)].map(([, term]) => term as string).sort();
}

const headings = (page: string) => (page.match(/^#+ /gm) ?? []).map((mark) => mark.trim());
const rows = (page: string) => page.split("\n").filter((line) => line.startsWith("|")).length;

assert.ok(languages.length > 0);
for (const language of languages) {
  for (const name of readdirSync(join("docs", language))) {
    test(`docs/${language}/${name} says the same as docs/${name}`, () => {
      assert.ok(existsSync(join("docs", name)), `there is no docs/${name}`);
      const original = readFileSync(join("docs", name), "utf8");
      const translated = readFileSync(join("docs", language, name), "utf8");
      assert.deepEqual(commandsOf(translated), commandsOf(original));
      assert.deepEqual(termsOf(translated), termsOf(original));
      assert.deepEqual(headings(translated), headings(original));
      assert.equal(rows(translated), rows(original));
    });
  }
}
