/** The whole way: Suiro on a node, TLS through the NAT VM, a real fluentd on-prem. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ChildProgram } from "../../support/child-program.ts";
import { fluentdEnvironment, withoutFluentd } from "../../support/fluentd.ts";
import { suiroEntry } from "../../support/suiro.ts";
import { address, type NetworkLab, type Place, withoutCapture, withoutLab } from "../lab/network-lab.ts";
import { startedLab, startupScript } from "../lab/startup-script.ts";
import { projectFolder } from "./fake-project.ts";

const skip = withoutLab || withoutFluentd;
const receiverFolder = join(projectFolder, "infra/receiver");
const agentPort = "24225";

interface Way {
  readonly lab: NetworkLab;
  readonly receiver: ChildProgram;
  readonly agent: ChildProgram;
}

function program(
  lab: NetworkLab,
  place: Place,
  variables: Record<string, string | undefined>,
  command: string[],
): ChildProgram {
  const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  return lab.start(place, ["env", ...set, ...command]);
}

async function wayToOnprem(context: TestContext): Promise<Way> {
  const lab = await startedLab(context);
  const certificates = join(lab.folder, "certificates");
  const made = spawnSync("bash", [join(receiverFolder, "make-certificate.sh"), address.onprem], {
    env: { ...process.env, RECEIVER_CERTIFICATES: certificates },
    encoding: "utf8",
  });
  assert.equal(made.status, 0, made.stderr);
  const key = /KEY=(\w+)/.exec(readFileSync(join(certificates, "receiver.env"), "utf8"))?.[1];
  const shared = { RECEIVER_CERTIFICATES: certificates, RECEIVER_SHARED_KEY: key };
  const { GEM_HOME, GEM_PATH } = fluentdEnvironment();
  const receiver = program(lab, "onprem", { ...shared, GEM_HOME, GEM_PATH }, [
    ...["ruby", join(GEM_HOME as string, "bin/fluentd"), "--no-supervisor", "-c", join(receiverFolder, "fluent.conf")],
  ]);
  await receiver.waitFor("fluentd worker is now running");
  assert.equal(lab.startUp(startupScript).code, 0);
  const agent = program(
    lab,
    "node",
    { ...shared, RECEIVER_HOST: address.onprem, AGENT_PORT: agentPort, AGENT_BUFFER: join(lab.folder, "buffer") },
    [process.execPath, suiroEntry, "-c", join(receiverFolder, "agent.conf")],
  );
  await agent.waitFor("fluentd worker is now running");
  return { lab, receiver, agent };
}

/** Hands events to the agent and waits until it has acknowledged them. */
async function send(lab: NetworkLab, messages: readonly string[]): Promise<void> {
  const cat = lab.start("node", [process.execPath, suiroEntry, "cat", "--ack", "--port", agentPort, "app.test"]);
  cat.stdin.end(messages.map((message) => `${JSON.stringify({ message })}\n`).join(""));
  assert.equal(await cat.exited, 0, cat.output);
}

test("events arrive over TLS from the fixed address alone, and nothing outside can read them", {
  skip: withoutCapture || skip,
}, async (context) => {
  const { lab, receiver } = await wayToOnprem(context);
  const [outside, inside] = [join(lab.folder, "outside.pcap"), join(lab.folder, "inside.pcap")];
  const captures = [
    await lab.capture("fabric", "-U", "-i", "f-onprem", "-w", outside, "tcp"),
    await lab.capture("node", "-U", "-i", "lo", "-w", inside, "tcp"),
  ];
  const words = "a sentence that nobody else may read";
  await send(lab, [words]);
  await receiver.waitFor(words);
  for (const one of captures) await one.stop("SIGINT");
  assert.ok(readFileSync(inside).includes(words), "the capture inside the node, before TLS, must show it");
  assert.ok(!readFileSync(outside).includes(words), "the capture outside shows the plain text");
  const { output } = lab.run(
    "fabric",
    `tcpdump -nr '${outside}' 'dst port 24224' 2>/dev/null | awk '{ print $3 }' | sort -u`,
  );
  const senders = new Set(output.split("\n").map((line) => line.split(".").slice(0, 4).join(".")));
  assert.deepEqual([...senders], [address.fixed]);
});

test("a replaced VM resumes the flow: nothing is lost, and nothing comes twice", {
  skip,
}, async (context) => {
  const { lab, receiver } = await wayToOnprem(context);
  const numbered = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `event ${from + index}.`);
  await send(lab, numbered(0, 50));
  await receiver.waitFor("event 49.");
  await lab.replaceNat("lost");
  await send(lab, numbered(50, 100));
  assert.equal(lab.repeatStartUp().code, 0);
  await send(lab, numbered(100, 150));
  const all = numbered(0, 150);
  await receiver.waitFor((output) => all.every((message) => output.includes(message)));
  for (const message of all) {
    assert.equal(receiver.output.split(message).length - 1, 1, `${message} came more than once`);
  }
});
