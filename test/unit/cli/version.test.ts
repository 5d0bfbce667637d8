import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { VERSION, versionText } from "../../../src/cli/version.ts";

test("the version is that of package.json", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  assert.equal(VERSION, version);
});

test("called as fluentd, the first two words are those that fluentd prints", () => {
  assert.match(versionText("fluentd"), /^fluentd 1\.18\.0 /);
  assert.match(versionText("suiro"), /^suiro \d+\.\d+\.\d+ /);
});
