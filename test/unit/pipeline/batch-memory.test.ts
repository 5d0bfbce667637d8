/** Where events pass without memory that is used again, V8's collector pays: so every way through a pipeline gives it back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgent } from "../../../src/agent.ts";
import { systemClock } from "../../../src/clock.ts";
import { EventStream } from "../../../src/event/event-stream.ts";
import { PluginList } from "../../../src/pipeline/plugin-list.ts";
import type { Output } from "../../../src/plugin.ts";
import { entriesOf } from "../../support/fluentd-plugins.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { parsedConfig } from "../../support/parsed-config.ts";

const plugins = await PluginList.load();
const entries = entriesOf([
  { log: "GET /a", n: 1 },
  { log: "POST /b", n: 2 },
]);

const BUFFERED = "@type null\n<buffer>\n@type memory\n</buffer>";
const filter = (type: string, more = "") => `<filter **>\n@type ${type}\n${more}\n</filter>`;
const match = (body: string) => `<match **>\n${body}\n</match>`;
const stores = (...bodies: string[]) => bodies.map((body) => `<store>\n${body}\n</store>`).join("\n");
const END = match("@type null");

const WAYS: Record<string, string> = {
  "an output": END,
  "a buffer": match(BUFFERED),
  "a filter that changes nothing": `${filter("grep", "<regexp>\nkey log\npattern /./\n</regexp>")}\n${END}`,
  "a filter that lets some through": `${filter("grep", "<regexp>\nkey log\npattern /GET/\n</regexp>")}\n${END}`,
  "a filter that lets none through": `${filter("grep", "<regexp>\nkey log\npattern /PUT/\n</regexp>")}\n${END}`,
  "a filter that changes events": `${filter("record_transformer", "<record>\na b\n</record>")}\n${match(BUFFERED)}`,
  "a filter that reads texts": `${filter("parser", "key_name log\n<parse>\n@type none\n</parse>")}\n${END}`,
  "two filters": `${filter("record_modifier", "remove_keys n")}\n${filter("record_modifier", "<record>\na b\n</record>")}\n${END}`,
  copy: match(`@type copy\n${stores("@type null", BUFFERED)}`),
  "copy with a fallback": match(
    `@type copy\n${stores("@type null")}\n<store ignore_if_prev_success>\n@type null\n</store>`,
  ),
  rewrite_tag_filter: `${match("@type rewrite_tag_filter\n<rule>\nkey log\npattern /(GET|POST)/\ntag $1\nlabel @B\n</rule>")}
    </label>\n<label @B>\n${match(BUFFERED)}`,
  "rewrite_tag_filter that no rule matches": match(
    "@type rewrite_tag_filter\n<rule>\nkey log\npattern /PUT/\ntag b\n</rule>",
  ),
  detect_exceptions: `${match("@type detect_exceptions\nremove_tag_prefix t\n@label @B")}\n</label>\n<label @B>\n${END}`,
};

for (const [name, way] of Object.entries(WAYS)) {
  test(`memory is given back once behind ${name}`, async () => {
    const { agent, problems } = createAgent(
      parsedConfig(`${match("@type relabel\n@label @A")}\n<label @A>\n${way}\n</label>`),
      { clock: systemClock, logger: new MemoryLog(), hostname: "h", environment: {}, plugins },
    );
    assert.deepEqual(problems.errors, []);
    await agent?.start();
    let released = 0;
    const release = () => {
      released += 1;
    };
    const output = agent?.plugins.find(({ type }) => type === "relabel")?.plugin as Output;
    await output.emit("t.a", new EventStream(entries, 2, { release }));
    assert.equal(released, 1);
    await agent?.stop(5000);
  });
}
