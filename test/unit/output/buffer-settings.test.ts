import assert from "node:assert/strict";
import { test } from "node:test";
import { createOutput, type OutputFixtureOptions, systemConfig } from "./output-fixture.ts";

/** The message with which a configuration is refused. */
function refusal(options: OutputFixtureOptions): string {
  try {
    createOutput(options);
  } catch (error) {
    return (error as Error).message.replace("test.conf:1: ", "");
  }
  return "accepted";
}

const forward = { chunkKeys: ["tag"], type: "memory", requiresTag: true } as const;

test("contradictions are refused with fluentd's words", () => {
  const cases: [OutputFixtureOptions, RegExp | string][] = [
    [{ buffer: {}, keys: "time" }, "<buffer ...> argument includes 'time', but timekey is not configured"],
    [{ buffer: {}, keys: "pod", defaults: forward }, "buffer chunk key must include 'tag' for keeping output"],
    [{ buffer: { "@type": "file" } }, "buffer path is not configured. specify 'path' in <buffer>"],
    [
      { buffer: { flush_mode: "lazy", flush_interval: "1s" } },
      "'flush_interval' can't be specified when 'flush_mode' is not 'interval' explicitly: 'lazy'",
    ],
    [{ buffer: { timekey: "1h", timekey_zone: "JST" }, keys: "time" }, "Unsupported timezone 'JST'"],
    [{ buffer: { "@type": "file_single" } }, /file_single is not supported: use @type file/],
    [{ buffer: { "@type": "redis" } }, /Unknown buffer plugin 'redis'/],
    [{ buffer: { overflow_action: "wait" } }, /valid options are throw_exception,block,drop_oldest_chunk but got wait/],
    [{ flat: { time_slice_format: "%Y%m" } }, "time_slice_format only with %Y or %m is too long"],
    [
      { secondary: {}, buffer: { retry_secondary_threshold: "1" } },
      "retry_secondary_threshold must be between 0 and 1",
    ],
  ];
  for (const [options, message] of cases) {
    if (typeof message === "string") assert.equal(refusal(options), message);
    else assert.match(refusal(options), message);
  }
});

test("two outputs of one configuration cannot share a buffer path; of two configurations they can", () => {
  const buffer = { "@type": "file", path: "/nowhere/shared" };
  const system = systemConfig();
  assert.equal(refusal({ buffer, system }), "accepted");
  assert.equal(
    refusal({ buffer, system }),
    "Other 'keeping' plugin already use same buffer path: type = keeping, buffer path = /nowhere/shared",
  );
  assert.equal(refusal({ buffer, system: systemConfig() }), "accepted");
});

test("the flat names of v0.12 mean what they say, and count for nothing beside a <buffer>", () => {
  const flat = { num_threads: "2", buffer_queue_full_action: "exception", disable_retry_limit: "true" };
  assert.deepEqual(createOutput({ flat }).messages(), []);
  const { lines } = createOutput({ flat: { ...flat, flush_interval: "5s" }, buffer: {} });
  assert.deepEqual(
    lines.map(({ message }) => message),
    [
      "parameter 'num_threads' in <match **> is not used.",
      "parameter 'buffer_queue_full_action' in <match **> is not used.",
      "parameter 'disable_retry_limit' in <match **> is not used.",
      "'flush_interval' is configured at out side of <buffer>. 'flush_mode' is set to 'interval' to keep existing behaviour",
    ],
  );
});

test("without a <buffer> the start says what a killed process would cost and what to add", async () => {
  const { output, messages } = createOutput({});
  await output.start();
  assert.equal(messages().length, 1);
  assert.match(messages()[0] ?? "", /536870912 bytes.*<buffer> @type file/);
});
