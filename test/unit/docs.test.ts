import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const pages = [".", "docs", "docs/ja"].flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);

test("docs/configuration.md and docs/metrics.md say what the tables of the code say", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/docs.mjs", "--check"], { encoding: "utf8" });
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("every link within the documentation leads somewhere", () => {
  const dead = pages.flatMap((page) =>
    [
      ...readFileSync(page, "utf8")
        .replaceAll(/`[^`\n]*`/g, "")
        .matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)/g),
    ]
      .filter(([, path = "", anchor]) => !leadsSomewhere(path === "" ? page : join(dirname(page), path), anchor))
      .map(([link]) => `${page}: ${link}`),
  );
  assert.deepEqual(dead, []);
});

test("the Japanese README has the commands of the English one", () => {
  assert.deepEqual(commandsOf("README.ja.md"), commandsOf("README.md"));
});

function leadsSomewhere(path: string, anchor: string | undefined): boolean {
  if (!existsSync(path)) return false;
  return anchor === undefined || !path.endsWith(".md") || anchorsOf(path).includes(decodeURIComponent(anchor));
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...readFileSync(page, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}\p{Mark} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The lines of its fenced blocks, without comments. */
function commandsOf(page: string): string[] {
  return [...readFileSync(page, "utf8").matchAll(/^```[^\n]*\n([\s\S]*?)^```$/gm)].flatMap(([, text = ""]) =>
    text
      .split("\n")
      .map((line) => line.replace(/\s+#.*$/, ""))
      .filter((line) => line !== ""),
  );
}
