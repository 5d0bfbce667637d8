/** The real fluentd's out_forward against the forward input: acks, gzip, keys, users, TLS, both heartbeats. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type CertificateFiles, TestCertificates } from "../support/certificates.ts";
import { startFluentd, withoutFluentd } from "../support/fluentd.ts";
import { configElement, type InputSetup, startForwardInput } from "../support/forward-input.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const EVENTS = 60;

let certificates: TestCertificates;
let server: CertificateFiles;
before(async () => {
  certificates = await TestCertificates.create();
  server = await certificates.server();
});
after(() => certificates.remove());

const security = () =>
  configElement("security", { self_hostname: "suiro", shared_key: "sekrit", user_auth: "true" }, [
    configElement("user", { username: "alice", password: "wonder" }),
    configElement("client", { network: "127.0.0.0/8", users: "alice" }),
  ]);
const tls = () =>
  configElement("transport", { cert_path: server.certificatePath, private_key_path: server.privateKeyPath }, [], "tls");

const senderSecurity = "<security>\n self_hostname fluentd\n shared_key sekrit\n</security>";
const account = "username alice\n password wonder";

interface Setup {
  readonly input?: () => InputSetup;
  readonly output?: () => string;
  readonly server?: string;
}

const setups: Record<string, Setup> = {
  "acks and UDP heartbeats": { output: () => "require_ack_response true\n heartbeat_type udp" },
  "gzip, kept connections and acks": {
    output: () => "require_ack_response true\n compress gzip\n keepalive true",
  },
  "integer times, without acks": { output: () => "time_as_integer true" },
  "key, user and acks": {
    input: () => ({ children: [security()] }),
    output: () => `require_ack_response true\n ${senderSecurity}`,
    server: account,
  },
  "TLS, key, user, gzip and acks": {
    input: () => ({ children: [security(), tls()] }),
    output: () =>
      `require_ack_response true\n compress gzip\n transport tls\n tls_cert_path ${certificates.authorityPath}\n ${senderSecurity}`,
    // fluentd verifies the certificate against the name where the host is an address.
    server: `name localhost\n ${account}`,
  },
};

function configuration(port: number, { output, server: account = "" }: Setup, folder: string): string {
  const path = join(folder, "fluentd.conf");
  writeFileSync(
    path,
    `<source>
  @type sample
  tag app.web
  rate 100
  auto_increment_key n
  sample {"text":"ä"}
</source>
<match app.**>
  @type forward
  ${output?.() ?? ""}
  <server>
    host 127.0.0.1
    port ${port}
    ${account}
  </server>
  <buffer>
    flush_mode interval
    flush_interval 0.2
    flush_thread_interval 0.1
  </buffer>
</match>
`,
  );
  return path;
}

async function receiveFrom(t: TestContext, setup: Setup) {
  const running = await startForwardInput(t, setup.input?.());
  const fluentd = await startFluentd(configuration(running.port, setup, temporaryFolder()));
  t.after(() => fluentd.stop("SIGKILL"));
  const size = () => running.emitter.batches.reduce((sum, { events }) => sum + events.size, 0);
  await running.emitter.waitFor(() => size() >= EVENTS);
  return { ...running, fluentd };
}

for (const [name, setup] of Object.entries(setups)) {
  test(`fluentd sends with ${name}: every event arrives once, in order`, { skip: withoutFluentd }, async (t) => {
    const { emitter, counters, fluentd, log } = await receiveFrom(t, setup);
    const numbers = emitter.events.map((event) => Number(/"n":(\d+)/.exec(event)?.[1]));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
    );
    assert.match(emitter.events[0] as string, /^app\.web \d{10}(\.\d{9})? \{"text":"ä","n":0\}$/);
    const asks = setup.output?.().includes("require_ack_response");
    await fluentd.stop("SIGTERM");
    assert.equal(counters.get("acks_sent") > 0, asks); // counted a moment after the last event is seen
    assert.ok(!/mismatch|error/i.test(fluentd.output.replace(/error_class/g, "")), fluentd.output);
    assert.ok(!log.join().includes("emit transaction failed"));
  });
}

test("gzip chunks of fluentd are handed on as they came", { skip: withoutFluentd }, async (t) => {
  const { emitter } = await receiveFrom(t, setups["gzip, kept connections and acks"] as Setup);
  for (const { events } of emitter.batches) assert.equal(events.compressed?.method, "gzip");
});

test("fluentd with a wrong key is refused, and says so", { skip: withoutFluentd }, async (t) => {
  const { port, emitter, counters } = await startForwardInput(t, { children: [security()] });
  const wrong = { output: () => senderSecurity.replace("sekrit", "guess"), server: account };
  const fluentd = await startFluentd(configuration(port, wrong, temporaryFolder()));
  t.after(() => fluentd.stop("SIGKILL"));
  await fluentd.waitFor(/shared_key mismatch/);
  assert.ok(counters.get("connections_refused", "handshake") > 0);
  assert.equal(emitter.batches.length, 0);
});
