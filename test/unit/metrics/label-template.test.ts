import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "../../../src/event/msgpack.ts";
import { labelTemplate } from "../../../src/metrics/label-template.ts";

const unknown: string[] = [];
const worker = { id: 0, isOneOfSeveral: false };
const around = { hostname: "node-1", worker, unknown: (placeholder: string) => void unknown.push(placeholder) };

function label(text: string, record: object, tag = "a.b.c"): string {
  return labelTemplate(text, around).value({ tag, packed: encode(record), recordStart: 0 });
}

test("pieces of the tag are counted from both ends, prefixes and suffixes from the front", () => {
  assert.equal(
    label("${tag} ${tag_parts[0]} ${tag_parts[-1]} ${tag_prefix[1]} ${tag_suffix[1]}", {}),
    "a.b.c a c a.b b.c",
  );
  assert.equal(label("${tag_parts[3]}${tag_prefix[-1]}", {}), "${tag_parts[3]}${tag_prefix[-1]}");
});

test("no field of a record can stand for the tag, the host or the worker", () => {
  const record = { tag: "x", hostname: "x", worker_id: "x", tag_parts: ["x"], "tag_parts[9]": "x" };
  assert.equal(label("${tag} ${hostname} ${worker_id} ${tag_parts[0]}", record), "a.b.c node-1 0 a");
  assert.equal(label("${tag_parts[9]}", record), "${tag_parts[9]}");
});

test("fields are read as Ruby shows them; what is not there stays as it is written and is told", () => {
  const record = { text: "t", nil: null, number: 1.5, list: ["x", 2], map: { k: true } };
  assert.equal(label('${text}|${nil}|${number}|${list[1]}|${list[-2]}|${map["k"]}', record), "t||1.5|2|x|true");
  unknown.length = 0;
  assert.equal(label("${list}${map}${none}", record), "${list}${map}${none}");
  assert.deepEqual(unknown, ["${list}", "${map}", "${none}"]);
  assert.equal(label("$.map.k", record), "true");
  assert.equal(label("$['none']", record), "");
});
