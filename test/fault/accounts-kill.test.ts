/** Accounts over kills at any moment under load: what they say is what arrived, and `suiro doctor` finds nothing wrong. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { nodeFileSystem } from "../../src/buffer/file-system.ts";
import { accountsPath, readAccount } from "../../src/output/accounts.ts";
import { readInputs } from "../../src/pipeline/input-accounts.ts";
import { chunkNames } from "../soak/held-events.ts";
import { AckedSender } from "../soak/numbered-load.ts";
import { ChildProgram } from "../support/child-program.ts";
import { CollectingReceiver } from "../support/collecting-receiver.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const KILLS = 5;

test("after five kills each count is what arrived, and no chunk is missed", async (context) => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  mkdirSync(run, { mode: 0o700 });
  const buffer = join(folder, "buffer");
  const receiver = new CollectingReceiver();
  await receiver.start();
  context.after(() => receiver.stop());
  const port = await freePort();
  const config = join(folder, "agent.conf");
  writeFileSync(config, agentConfig(port, receiver.port, buffer));
  const environment = { SUIRO_RUN_DIR: run };
  let agent = await startSuiro(config, [], environment);
  context.after(() => agent.stop("SIGKILL"));
  const sender = new AckedSender(port);
  const sending = sender.run();
  for (let kill = 0; kill < KILLS; kill++) {
    await wait(200 + Math.random() * 800); // Any moment will do.
    if (kill === 2) await receiver.stop();
    await agent.stop("SIGKILL");
    const doctor = ChildProgram.start(process.execPath, [suiroEntry, "doctor", "-c", config], {
      ...process.env,
      ...environment,
    });
    assert.equal(await doctor.exited, 0, doctor.output);
    if (kill === 2) await receiver.start();
    agent = await startSuiro(config, [], environment);
  }
  sender.end();
  await sending;
  const account = () => readAccount(nodeFileSystem, accountsPath(join(buffer, "buffer")));
  await eventually(() => chunkNames(buffer).length === 0);
  await eventually(() => account()?.delivered === receiver.distinctEvents.length);
  assert.doesNotMatch(agent.output, /no longer on its disk/);
  await agent.stop();
  const { received, delivered, dropped } = account() ?? {};
  assert.deepEqual([received, delivered, dropped], [receiver.distinctEvents.length, received, {}]);
  const ledger = readInputs(join(buffer, ".inputs.accounts"))?.inputs.in;
  assert.equal(ledger?.entries["taken/out"], received);
});

function agentConfig(port: number, receiverPort: number, buffer: string): string {
  return `
    <source>
      @type forward
      @id in
      port ${port}
      bind 127.0.0.1
    </source>
    <match sent.**>
      @type forward
      @id out
      require_ack_response true
      heartbeat_type none
      <server>
        host 127.0.0.1
        port ${receiverPort}
      </server>
      <buffer tag>
        @type file
        path ${buffer}
        flush_interval 0.1
        chunk_limit_size 16k
        retry_wait 0.1
        retry_max_interval 0.5
        retry_forever true
      </buffer>
    </match>
    <label @FLUENT_LOG>
      <match **>
        @type null
      </match>
    </label>
  `.replaceAll(/^ {4}/gm, "");
}
