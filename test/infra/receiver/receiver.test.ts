/** `npm run receiver` as the README tells it, and compose.yaml without an engine: an event arrives over TLS. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ChildProgram } from "../../support/child-program.ts";
import { fluentdEnvironment, withoutFluentd } from "../../support/fluentd.ts";
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

interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | number>>;
  readonly env_file: readonly string[];
  readonly volumes: readonly string[];
}

const { services, ...composed } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));

/**
 * A service's command, with what compose.yaml mounts and sets, as a process of this machine instead of a container:
 * paths within the container become those of their mounts, names of services the loopback, ports those that are free.
 */
function startService(
  { command, environment, env_file: envFiles, volumes }: Service,
  program: readonly string[],
  places: { readonly folder: string; readonly ports: Readonly<Record<string, number>> },
): ChildProgram {
  const mounts = volumes.map((volume) => volume.split(":") as [string, string]);
  const base = (source: string) => {
    if (!source.startsWith("./")) return join(places.folder, source); // a volume
    return join(source.startsWith("./certificates") ? places.folder : folder, source);
  };
  const onHost = (path: string): string => {
    for (const [source, inside] of mounts) {
      if (path === inside || path.startsWith(`${inside}/`)) return base(source) + path.slice(inside.length);
      if (dirname(inside) === path) return dirname(base(source));
    }
    return path;
  };
  const read = envFiles.map((file) => readFileSync(join(places.folder, file), "utf8")).join("\n");
  const fromFiles = Object.fromEntries(
    read
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split("=", 2)),
  );
  const set = Object.entries(environment).map(([key, value]) => {
    const text = value === "receiver" ? "127.0.0.1" : onHost(String(value));
    return [key, String(places.ports[text] ?? text)];
  });
  const [, ...args] = command;
  return ChildProgram.start(program[0] as string, [...program.slice(1), ...args.map(onHost)], {
    ...fluentdEnvironment(),
    RECEIVER_PORT: String(places.ports["24224"]),
    ...fromFiles,
    ...Object.fromEntries(set),
  });
}

test("the two services of compose.yaml, by their own commands, mounts and variables, bring an event over", {
  skip: withoutFluentd,
}, async (context) => {
  const place = temporaryFolder();
  const made = spawnSync("bash", [join(folder, "make-certificate.sh")], {
    env: { ...process.env, RECEIVER_CERTIFICATES: join(place, "certificates") },
  });
  assert.equal(made.status, 0);
  const places = { folder: place, ports: { 24224: await freePort(), 24225: await freePort() } };
  const fluentd = join(fluentdEnvironment().GEM_HOME as string, "bin/fluentd");
  const receiver = startService(services.receiver, ["ruby", fluentd], places);
  context.after(() => receiver.stop());
  await receiver.waitFor("fluentd worker is now running");
  const agent = startService(services.agent, [process.execPath, suiroEntry], places);
  context.after(() => agent.stop());
  await agent.waitFor("fluentd worker is now running");
  const port = String(places.ports[24225]);
  const sender = ChildProgram.start(process.execPath, [suiroEntry, "cat", "--port", port, "app.test"]);
  sender.stdin.end('{"message":"through compose"}\n');
  assert.equal(await sender.exited, 0);
  await receiver.waitFor(/app\.test: \{"message":"through compose"\}/);
});

test("compose.yaml says nothing that Compose does not know, and the agent has no more rights than it needs", () => {
  assert.deepEqual(Object.keys(composed), ["name", "volumes"]);
  const known = [
    "image",
    "build",
    "user",
    "command",
    "environment",
    "env_file",
    "volumes",
    "healthcheck",
    "depends_on",
  ];
  const confining = ["read_only", "cap_drop", "security_opt", "ports", "tmpfs"];
  for (const service of Object.values(services) as object[]) {
    for (const key of Object.keys(service)) assert.ok([...known, ...confining].includes(key), key);
  }
  assert.deepEqual(services.agent.depends_on, { receiver: { condition: "service_healthy" } });
  assert.deepEqual(services.agent.cap_drop, ["ALL"]);
  assert.equal(services.agent.read_only, true);
  assert.deepEqual(services.agent.ports, ["127.0.0.1:24225:24225"]);
});
