/** `npm run receiver` and infra/receiver/agent.conf, as the README tells it: an event arrives over TLS. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ChildProgram } from "../../support/child-program.ts";
import { withoutFluentd } from "../../support/fluentd.ts";
import { freePort } from "../../support/free-port.ts";
import { suiroEntry } from "../../support/suiro.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { projectFolder } from "../egress/fake-project.ts";

const folder = join(projectFolder, "infra/receiver");

test("an event sent to the agent is printed by the receiver", { skip: withoutFluentd }, async (context) => {
  const certificates = temporaryFolder();
  const [receiverPort, agentPort] = [await freePort(), await freePort()];
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    RECEIVER_CERTIFICATES: certificates,
    RECEIVER_PORT: String(receiverPort),
    AGENT_PORT: String(agentPort),
    AGENT_BUFFER: join(certificates, "buffer"),
  };
  const receiver = ChildProgram.start(process.execPath, [join(folder, "receiver.mjs")], environment);
  context.after(() => receiver.stop());
  await receiver.waitFor("fluentd worker is now running");
  const key = /KEY=(\w+)/.exec(readFileSync(join(certificates, "receiver.env"), "utf8"))?.[1];
  const agent = ChildProgram.start(process.execPath, [suiroEntry, "-c", join(folder, "agent.conf")], {
    ...environment,
    RECEIVER_SHARED_KEY: key,
  });
  context.after(() => agent.stop());
  await agent.waitFor("fluentd worker is now running");
  const sender = ChildProgram.start(process.execPath, [suiroEntry, "cat", "--port", String(agentPort), "app.test"]);
  sender.stdin.end('{"message":"over TLS"}\n');
  assert.equal(await sender.exited, 0);
  await receiver.waitFor(/app\.test: \{"message":"over TLS"\}/);
});

test("compose.yaml mounts what is there, and the agent has no more rights than it needs", () => {
  const { services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));
  for (const volume of [...services.receiver.volumes, ...services.agent.volumes] as string[]) {
    const [source = ""] = volume.split(":");
    if (source.endsWith(".conf")) assert.ok(readFileSync(join(folder, source), "utf8").includes("<match **>"));
  }
  assert.deepEqual(services.agent.cap_drop, ["ALL"]);
  assert.equal(services.agent.read_only, true);
});
