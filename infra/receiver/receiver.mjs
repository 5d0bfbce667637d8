// Starts a real fluentd that receives over TLS, where Ruby is there; prints how to send to it. Ctrl-C stops it.
//   npm run receiver            RECEIVER_PORT and RECEIVER_BIND choose where it listens (24224, 127.0.0.1)
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installFluentd } from "../../scripts/fluentd.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const certificates = process.env.RECEIVER_CERTIFICATES ?? join(folder, "certificates");
const port = process.env.RECEIVER_PORT ?? "24224";
const bind = process.env.RECEIVER_BIND ?? "127.0.0.1";

const made = spawnSync("bash", [join(folder, "make-certificate.sh")], {
  stdio: ["ignore", "inherit", "inherit"],
  env: { ...process.env, RECEIVER_CERTIFICATES: certificates },
});
if (made.status !== 0) fail("The certificates could not be made; is OpenSSL installed?");

const { home, reason } = installFluentd([]);
if (!home) fail(`fluentd cannot run here: ${reason}. infra/receiver/compose.yaml runs it in a container.`);

const key = /^RECEIVER_SHARED_KEY=(.*)$/m.exec(readFileSync(join(certificates, "receiver.env"), "utf8"))?.[1];
console.log(`
A fluentd with TLS listens on ${bind}:${port}. In a second terminal, the agent:

  set -a; . ${join(certificates, "receiver.env")}; set +a
  RECEIVER_CERTIFICATES=${certificates} RECEIVER_PORT=${port} node dist/main.js -c ${join(folder, "agent.conf")}

In a third one, an event; it is printed here:

  echo '{"message":"hello"}' | node dist/main.js cat --port 24225 app.test
`);

const fluentd = spawn("ruby", [join(home, "bin", "fluentd"), "--no-supervisor", "-c", join(folder, "fluent.conf")], {
  stdio: ["ignore", "inherit", "inherit"],
  env: {
    ...process.env,
    GEM_HOME: home,
    GEM_PATH: home,
    RECEIVER_CERTIFICATES: certificates,
    RECEIVER_SHARED_KEY: key,
    RECEIVER_PORT: port,
    RECEIVER_BIND: bind,
  },
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => fluentd.kill(signal));
fluentd.on("exit", (code) => process.exit(code ?? 0));

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
