/** A chunk that a receiver cannot stand: the others pass it, it ends in quarantine, and a person can send it again. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { TestCertificates } from "../../support/certificates.ts";
import { ChildProgram } from "../../support/child-program.ts";
import { startPoisonedAgent } from "../../support/poisoned-agent.ts";
import { suiroEntry } from "../../support/suiro.ts";

const certificates = await TestCertificates.create();
after(() => certificates.remove());
const serverFiles = await certificates.server();
const receiverProgram = join(dirname(fileURLToPath(import.meta.url)), "poison-receiver.js");

test("whatever a receiver does to one chunk, the others arrive, and it is kept", {
  concurrency: 3,
}, async (context) => {
  const cases: readonly (readonly [how: string, values: string])[] = [
    ["closes", ""],
    ["resets", "keepalive true"],
    ["resets-midway", ""],
    ["stays-silent", "keepalive true"],
    ["lies", "keepalive true"],
    ["talks-nonsense", ""],
    ["crashes", "keepalive true"],
    ["closes", "heartbeat_type transport\nheartbeat_interval 0.1\nrecover_wait 0.3"],
  ];
  await Promise.all(
    cases.map(([how, values]) =>
      context.test(`${how} ${values.replaceAll("\n", ", ")}`, (inner) => refused(inner, how, values)),
    ),
  );
});

async function refused(context: TestContext, how: string, values: string): Promise<void> {
  const { certificatePath, privateKeyPath } = serverFiles;
  const receiver = ChildProgram.start(process.execPath, [receiverProgram, how, certificatePath, privateKeyPath]);
  context.after(() => receiver.stop("SIGKILL"));
  const port = Number(/listening (\d+)/.exec(await receiver.waitFor(/listening \d+\n/))?.[1]);
  const tls = `transport tls\ntls_cert_path ${certificates.authorityPath}\n${values}`;
  const { agent, quarantine, sendUntilQuarantined } = await startPoisonedAgent(context, port, tls);

  const sent = await sendUntilQuarantined();
  await receiver.waitFor((output) => sent.every((tag) => output.includes(`got ${tag} `)));
  assert.ok(!receiver.output.includes("got poison"));
  assert.match(agent.output, /they go first/);
  await agent.waitFor(/is in quarantine/);

  receiver.kill("SIGUSR2");
  await receiver.waitFor("mended");
  const replay = ChildProgram.start(process.execPath, [
    ...[suiroEntry, "buffer", "replay", quarantine, "--delete"],
    ...["--port", String(port), "--ca", certificates.authorityPath],
  ]);
  assert.equal(await replay.exited, 0, replay.output);
  await receiver.waitFor(/got poison .*\n/);
  const id = /got poison (.*)/.exec(receiver.output)?.[1];
  if (how !== "resets-midway") assert.ok(receiver.output.includes(`refused ${id}`));
  assert.deepEqual(readdirSync(quarantine), []);
}
