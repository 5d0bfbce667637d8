import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, UnrecoverableError } from "../../../src/errors.ts";
import { timeZone, utc } from "../../../src/event/time-zone.ts";
import { acceptInPath, type PlaceholderKeys, placeholderKeysOf, Template } from "../../../src/output/placeholders.ts";
import { parsedElement } from "../../support/parsed-config.ts";
import { chunkOfBytes } from "../../support/plain-chunk.ts";

const position = { file: "f.conf", line: 1 };
const keys = (given: Partial<PlaceholderKeys>): PlaceholderKeys => {
  return { tag: false, timekey: undefined, fields: [], zone: utc, ...given };
};
const chunk = (metadata: object = {}) => {
  const plain = chunkOfBytes(Buffer.alloc(0), 0, { id: Buffer.alloc(16, 0xab), tag: "a.b.c" });
  return { ...plain, metadata: { ...plain.metadata, ...metadata } };
};

test("tag, its parts, fields, chunk id and the time slice fill their placeholders", () => {
  const all = keys({ tag: true, timekey: 3600, fields: ["pod", "$.k.ns"] });
  const template = new Template(
    "path",
    "${tag}|${tag[0]}|${tag[-1]}|${tag[9]}|${pod}|${$.k.ns}|%Y%m%d%H|${chunk_id}",
    all,
  );
  const variables = new Map([["pod", "p-1"], ["$.k.ns", null]]); // biome-ignore format: a table
  assert.equal(
    template.fill(chunk({ timekey: 1_700_000_000, variables })),
    `a.b.c|a|c||p-1||2023111422|${"ab".repeat(16)}`,
  );
});

test("the slice reads in the buffer's zone, and % in a tag is no directive", () => {
  const zone = timeZone("+09:00") ?? utc;
  const template = new Template("path", "${tag}.%d%H", keys({ tag: true, timekey: 60, zone }));
  assert.equal(template.fill(chunk({ tag: "%Y", timekey: 1_700_000_000 })), "%Y.1507");
});

test("placeholders of keys that the buffer has not stay as they are", () => {
  assert.equal(new Template("path", "${tag}/${x}/%Y", keys({})).fill(chunk()), "${tag}/${x}/%Y");
});

test("placeholders and chunk keys must agree, in fluentd's words", () => {
  const wrong: [string, Partial<PlaceholderKeys>, RegExp][] = [
    ["/x", { tag: true }, /f.conf:1: Parameter 'path: \/x' doesn't have tag placeholder/],
    ["/${tag}", {}, /has tag placeholders, but chunk key 'tag' is not configured/],
    ["/x", { fields: ["b", "a"] }, /doesn't have enough placeholders for keys a,b/],
    ["/${a}", {}, /has placeholders, but chunk keys doesn't have keys a/],
    ["/x", { timekey: 60 }, /doesn't have timestamp placeholders for timekey 60/],
    ["/%d", {}, /has timestamp placeholders, but chunk key 'time' is not configured/],
    ["/%d", { timekey: 3600 }, /doesn't have timestamp placeholder for day\('%d'\) for timekey 3600/],
  ]; // biome-ignore format: a table
  for (const [text, given, message] of wrong) {
    assert.throws(() => new Template("path", text, keys(given)).validate(position), message);
  }
  new Template("path", "/${tag[1]}/${a}/%H", keys({ tag: true, fields: ["a"], timekey: 3600 })).validate(position);
});

test("a value that could leave its place in a path is refused for good", () => {
  for (const value of ["..", "a..b", "a/b", "/etc/cron.d/x", "a\\b", "\0"]) {
    assert.throws(() => acceptInPath(value, "${tag}"), UnrecoverableError, value);
  }
  for (const value of ["", "a.b", ".", "a b", "é"]) acceptInPath(value, "${tag}");
});

test("chunk keys come from <buffer>, from v0.12's parameters, or from the output", () => {
  const defaults = { chunkKeys: ["time"], timekey: 86_400 };
  const of = (text: string) => placeholderKeysOf(parsedElement(`<match>\n${text}\n</match>`), defaults, 0);
  const { zone: _, ...buffered } = of("<buffer tag, time, $.a.b>\ntimekey 1h\ntimekey_use_utc true\n</buffer>");
  assert.deepEqual(buffered, { tag: true, timekey: 3600, fields: ["$.a.b"] });
  assert.equal(of("").timekey, 86_400);
  assert.equal(of("time_slice_format %Y%m%d%H").timekey, 3600);
  assert.equal(of("<buffer []>\n</buffer>").timekey, undefined);
  assert.equal(of("<buffer time>\ntimekey 60\ntimekey_zone +0900\n</buffer>").zone.offsetAt(0), 32_400);
  assert.throws(() => of("<buffer time>\ntimekey_zone JST\n</buffer>"), ConfigError);
});
