/** What fluentd itself will not take, and what becomes of it. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { freePort } from "../support/free-port.ts";
import { startPoisonedAgent } from "../support/poisoned-agent.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("a chunk above fluentd's chunk_size_limit, which it drops without a word, holds up no others", {
  skip: withoutFluentd,
}, async (context) => {
  const folder = temporaryFolder();
  const port = await freePort();
  const config = join(folder, "receiver.conf");
  writeFileSync(
    config,
    `<source>\n@type forward\nbind 127.0.0.1\nport ${port}\nchunk_size_limit 2k\n</source>\n<match **>\n@type stdout\n</match>\n`,
  );
  const receiver = await startFluentd(config);
  context.after(() => receiver.stop());
  const { sendUntilQuarantined } = await startPoisonedAgent(context, port, "", "x".repeat(5000));
  const sent = await sendUntilQuarantined();
  await receiver.waitFor((output) => sent.every((tag) => output.includes(` ${tag}: `)));
  assert.ok(!receiver.output.includes("poison: "));
});
