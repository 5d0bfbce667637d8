import assert from "node:assert/strict";
import { test } from "node:test";
import { UnrecoverableError } from "../../../src/errors.ts";
import { utc } from "../../../src/event/time-zone.ts";
import { chunkPath, type FilePathRule, pathTemplate } from "../../../src/output/file-path.ts";
import { Template } from "../../../src/output/placeholders.ts";
import { chunkOfBytes } from "../../support/plain-chunk.ts";

const template = (path: string, rule: Partial<FilePathRule> = {}) =>
  pathTemplate({
    path,
    timekey: 86_400,
    timeSliceFormat: undefined,
    append: false,
    suffix: ".log",
    compressed: false,
    position: { file: "f.conf", line: 1 },
    ...rule,
  });

test("the time slice, a number and the suffixes are put where fluentd puts them", () => {
  const forms: [string, Partial<FilePathRule>, string][] = [
    ["/d/f", {}, "/d/f.%Y%m%d_**.log"],
    ["/d/f", { append: true }, "/d/f.%Y%m%d.log"],
    ["/d/f", { compressed: true }, "/d/f.%Y%m%d_**.log.gz"],
    ["/d/f", { suffix: "" }, "/d/f.%Y%m%d_**"],
    ["/d/f", { timekey: undefined }, "/d/f_**.log"],
    ["/d/f", { timekey: 3600 }, "/d/f.%Y%m%d%H_**.log"],
    ["/d/f", { timekey: 60 }, "/d/f.%Y%m%d%H%M_**.log"],
    ["/d/f", { timekey: 1 }, "/d/f.%Y%m%d%H%M%S_**.log"],
    ["/d/f.*.txt", {}, "/d/f.%Y%m%d_**.txt"],
    ["/d/f.*", { append: true }, "/d/f.%Y%m%d"],
    ["/d/%Y/%m-%d", {}, "/d/%Y/%m-%d_**.log"],
    ["/d/f", { timeSliceFormat: "%Y-%m" }, "/d/f.%Y-%m_**.log"],
    ["/d/f.*", { timeSliceFormat: "%Y-%m" }, "/d/f.%Y-%m_**"],
  ]; // biome-ignore format: a table
  for (const [path, rule, wanted] of forms) assert.equal(template(path, rule), wanted);
});

test("a path that shows part of the time slice, or `*` without slices, cannot be used", () => {
  assert.throws(() => template("/d/%Y"), /insufficient timestamp placeholders in path/);
  assert.throws(
    () => template("/d/f.*", { timekey: undefined }),
    /path including '\*' must be used with buffer chunk key 'time'/,
  );
});

test("nothing in a tag leads out of the folder before the first placeholder", () => {
  const keys = { tag: true, timekey: undefined, fields: [], zone: utc };
  const path = (text: string, tag: string) =>
    chunkPath(new Template("path", text, keys), chunkOfBytes(Buffer.alloc(0), 0, { tag }));
  assert.equal(path("/data/logs/${tag}/f", "app.web"), "/data/logs/app.web/f");
  assert.equal(path("/data/../data/${tag}", "x"), "/data/x");
  assert.equal(path("/data/pre${tag}", "x"), "/data/prex");
  for (const tag of ["..", "../x", "/etc/passwd", "a/../../b", "a..b", "x\0y", "..\\x"]) {
    assert.throws(() => path("/data/logs/${tag}/f", tag), UnrecoverableError, tag);
    assert.throws(() => path("/data/logs/${tag[0]}${tag[1]}/f", "./."), UnrecoverableError);
  }
  assert.throws(() => path("/data/${tag}", "."), UnrecoverableError);
});
