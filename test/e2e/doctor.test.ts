/** `suiro doctor` beside real agents: accounts over kills, missing chunks, certificates, permissions. */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readInputs } from "../../src/pipeline/input-accounts.ts";
import { TestCertificates } from "../support/certificates.ts";
import { ChildProgram } from "../support/child-program.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { startSuiro, suiroEntry } from "../support/suiro.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Examination {
  readonly code: number | null;
  readonly findings: { verdict: string; subject: string; message: string }[];
}

test("the accounts add up over a kill; a chunk that is gone is missed", async (context) => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  mkdirSync(run, { mode: 0o700 });
  const buffer = join(folder, "buffer");
  const ports = { sender: await freePort(), receiver: await freePort() };
  const config = join(folder, "sender.conf");
  writeFileSync(
    config,
    `<source>\n@type forward\nbind 127.0.0.1\nport ${ports.sender}\n</source>
<match app>\n@type forward\n@id out\nrequire_ack_response true\nheartbeat_type none
<server>\nhost 127.0.0.1\nport ${ports.receiver}\n</server>
<buffer tag>\n@type file\npath ${buffer}\nflush_mode immediate\nretry_wait 0.1\nretry_max_interval 0.1\n</buffer>\n</match>\n`,
  );
  const environment = { ...process.env, SUIRO_RUN_DIR: run };
  const suiro = (...options: string[]) => ChildProgram.start(process.execPath, [suiroEntry, ...options], environment);
  const examine = async (): Promise<Examination> => {
    const program = suiro("doctor", "-c", config, "--json");
    const code = await program.exited;
    return { code, findings: JSON.parse(program.output).findings };
  };
  const send = async (count: number) => {
    const cat = suiro("cat", "--ack", "--port", String(ports.sender), "app");
    cat.stdin.end('{"a":1}\n'.repeat(count));
    assert.equal(await cat.exited, 0);
  };
  const accountOf = ({ findings }: Examination, subject: string) =>
    findings.find((finding) => finding.subject === subject && finding.message.includes("received"));

  const first = await startSuiro(config, [], { SUIRO_RUN_DIR: run });
  context.after(() => first.stop("SIGKILL"));
  await send(5);
  const held = { verdict: "ok", subject: "accounts of out", message: "5 received = 0 delivered + 5 held" };
  const examined = await examine();
  assert.deepEqual([examined.code, accountOf(examined, "accounts of out")], [0, held]);
  await first.stop("SIGKILL");
  const killed = await examine();
  assert.deepEqual([killed.code, killed.findings.filter(({ verdict }) => verdict === "failed")], [0, []]);
  assert.ok(killed.findings.some(({ message }) => message === "none of this user's runs"));

  const second = await startSuiro(config, [], { SUIRO_RUN_DIR: run });
  context.after(() => second.stop("SIGKILL"));
  await send(2);
  const message = "7 received = 0 delivered + 7 held";
  assert.equal(accountOf(await examine(), "accounts of out")?.message, message);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(accountOf(await examine(), "buffer of out"), { verdict: "ok", subject: "buffer of out", message });

  const chunk = readdirSync(buffer).find((name) => name.endsWith(".log")) as string;
  for (const name of readdirSync(buffer)) if (name.startsWith(chunk)) rmSync(join(buffer, name));
  const robbed = await examine();
  assert.equal(robbed.code, 1);
  assert.match(
    accountOf(robbed, "buffer of out")?.message ?? "",
    /^\d events are missing: 7 received = .*removed by hand/,
  );
});

test("of several agents it looks at the one that has a buffer of the configuration", async (context) => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  mkdirSync(run, { mode: 0o700 });
  const write = async (name: string) => {
    writeFileSync(
      join(folder, `${name}.conf`),
      `<source>\n@type forward\nbind 127.0.0.1\nport ${await freePort()}\n</source>
<match app>\n@type forward\nheartbeat_type none\n<server>\nhost 127.0.0.1\nport 1\n</server>
<buffer tag>\n@type file\npath ${folder}/${name}\n</buffer>\n</match>\n`,
    );
    return join(folder, `${name}.conf`);
  };
  const agentFinding = async (config: string) => {
    const environment = { ...process.env, SUIRO_RUN_DIR: run };
    const program = ChildProgram.start(process.execPath, [suiroEntry, "doctor", "-c", config, "--json"], environment);
    assert.equal(await program.exited, 0, program.output);
    return (JSON.parse(program.output) as Examination).findings.find(({ subject }) => subject === "agent")?.message;
  };
  const configs = [await write("one"), await write("two"), await write("three")] as const;
  for (const config of configs.slice(0, 2)) {
    const agent = await startSuiro(config, [], { SUIRO_RUN_DIR: run });
    context.after(() => agent.stop("SIGKILL"));
  }
  const [one, two] = [await agentFinding(configs[0]), await agentFinding(configs[1])];
  assert.match(one ?? "", /^process \d+ runs/);
  assert.match(two ?? "", /^process \d+ runs/);
  assert.notEqual(one, two);
  assert.match(
    (await agentFinding(configs[2])) ?? "",
    /^none with a buffer of this configuration runs; .* --pid: \d+, \d+$/,
  );
});

test("of each input it says where the events went, over a kill and a reload", async (context) => {
  const folder = temporaryFolder();
  const run = join(folder, "run");
  mkdirSync(run, { mode: 0o700 });
  const port = await freePort();
  const config = join(folder, "agent.conf");
  const write = (values: string) =>
    writeFileSync(
      config,
      `<source>\n@type forward\n@id in\nbind 127.0.0.1\nport ${port}\n${values}\n</source>
<filter app>\n@type grep\n@id sieve\n<exclude>\nkey a\npattern ^2$\n</exclude>\n</filter>
<match app>\n@type copy\n<store>\n@type forward\n@id out\nheartbeat_type none
<server>\nhost 127.0.0.1\nport 1\n</server>
<buffer tag>\n@type file\npath ${folder}/buffer\n</buffer>\n</store>
<store>\n@type null\n@id nil\n</store>\n</match>\n`,
    );
  write("");
  const environment = { ...process.env, SUIRO_RUN_DIR: run };
  const suiro = (...options: string[]) => ChildProgram.start(process.execPath, [suiroEntry, ...options], environment);
  const accountOf = async () => {
    const program = suiro("doctor", "-c", config, "--json");
    assert.equal(await program.exited, 0, program.output);
    const { findings } = JSON.parse(program.output) as Examination;
    return findings.find(({ subject }) => subject === "accounts of in")?.message;
  };
  const send = async (tag: string, text: string) => {
    const cat = suiro("cat", "--ack", "--port", String(port), tag);
    cat.stdin.end(text);
    assert.equal(await cat.exited, 0);
  };
  const first = await startSuiro(config, [], { SUIRO_RUN_DIR: run });
  context.after(() => first.stop("SIGKILL"));
  await send("app", '{"a":1}\n{"a":2}\n{"a":3}\n');
  await send("other", '{"a":1}\n'.repeat(4));
  const once = "7 received + 2 copied = 1 filtered by sieve + 2 taken by out + 2 taken by nil + 4 unmatched";
  assert.equal(await accountOf(), once);
  await eventually(() => readInputs(join(folder, "buffer", ".inputs.accounts"))?.inputs.in?.handedOver === 7);
  await first.stop("SIGKILL");
  assert.equal(await accountOf(), once);
  const second = await startSuiro(config, [], { SUIRO_RUN_DIR: run });
  context.after(() => second.stop("SIGKILL"));
  assert.equal(await accountOf(), once);
  write("chunk_size_warn_limit 1g");
  second.kill("SIGHUP");
  await second.waitFor((output) => output.split("fluentd worker is now running").length === 3);
  await send("other", '{"a":1}\n');
  const twice = once.replace("7 received", "8 received").replace("4 unmatched", "5 unmatched");
  assert.equal(await accountOf(), twice);
  await second.stop();
  assert.equal(await accountOf(), twice);
});

test("certificates, folders and the configuration are looked at, and what fails gives 1", async (context) => {
  const certificates = await TestCertificates.create();
  context.after(() => certificates.remove());
  const expired = await certificates.expiredServer();
  const folder = temporaryFolder();
  const config = join(folder, "fluent.conf");
  const examine = async (cert: string, key: string, path: string) => {
    writeFileSync(
      config,
      `<source>\n@type forward\n@id in\nport 0\n<transport tls>\ncert_path ${cert}\nprivate_key_path ${key}\n</transport>\n</source>
<match **>\n@type forward\n@id out\n<server>\nhost 127.0.0.1\n</server>\n<buffer>\n@type file\npath ${path}\n</buffer>\n</match>\n`,
    );
    const environment = { ...process.env, SUIRO_RUN_DIR: folder };
    const program = ChildProgram.start(process.execPath, [suiroEntry, "doctor", "-c", config], environment);
    return { code: await program.exited, output: program.output };
  };
  const good = await certificates.server();
  const well = await examine(good.certificatePath, good.privateKeyPath, join(folder, "buffer"));
  assert.equal(well.code, 0, well.output);
  assert.match(well.output, /^ok +certificates of in: .*is valid for \d+ days$/m);
  assert.match(well.output, /^ok +buffer of out: .*buffer can be made$/m);
  const old = await examine(expired.certificatePath, expired.privateKeyPath, join(folder, "buffer"));
  assert.equal(old.code, 1);
  assert.match(old.output, /^failed +certificates of in: .*expired \d+ days ago; renew it$/m);
  const nowhere = await examine(good.certificatePath, good.privateKeyPath, join(config, "buffer"));
  assert.equal(nowhere.code, 1, nowhere.output);
  writeFileSync(config, "<match>\n@type nonsense\n</match>\n");
  const wrong = ChildProgram.start(process.execPath, [suiroEntry, "doctor", "-c", config]);
  assert.equal(await wrong.exited, 1);
  assert.match(wrong.output, /^failed +.*fluent\.conf:1: Unknown output plugin 'nonsense'/m);
});
