/**
 * `suiro demo`, which `npm start` runs: a sender and a receiver in one process, connected as two machines would be,
 * with nothing to set up. Certificates and the shared key are made on the spot and are new every time.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join, relative, resolve } from "node:path";
import { type Agent, createAgent } from "../agent.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config/load.ts";
import { ConfigError } from "../errors.ts";
import { createLogger } from "../logger.ts";
import { PluginList } from "../pipeline/plugin-list.ts";
import { CertificateAuthority } from "../tls/certificate-authority.ts";
import { type DemoPlaces, receiverConfiguration, senderConfiguration } from "./demo-configuration.ts";
import { standardOutput } from "./log-destination.ts";
import { type RunnableAgent, Service } from "./service.ts";
import { runUntilStopped } from "./signals.ts";

export interface DemoOptions {
  /** Where the sender listens; another free port is taken when something is there. */
  readonly port: number;
  readonly path: string;
}

const SHUTDOWN_TIMEOUT_MS = 10_000;

/** Runs until Ctrl-C or SIGTERM. Gives the exit code. */
export async function demo(options: DemoOptions): Promise<number> {
  const folder = resolve(options.path);
  const senderPort = await freePort(options.port);
  const places: DemoPlaces = { folder, senderPort, receiverPort: await freePort(0) };
  await writeCertificates(join(folder, "tls"));
  const environment = { ...process.env, SUIRO_SHARED_KEY: randomBytes(24).toString("base64") };
  const receiver = await createDemoAgent("receiver", receiverConfiguration(places), environment);
  const sender = await createDemoAgent("sender", senderConfiguration(places), environment);
  const oneConfiguration = () => Promise.reject(new Error("the demo has one configuration"));
  const both: RunnableAgent = {
    takeOver: oneConfiguration,
    async start() {
      await receiver.start();
      await sender.start();
      console.log(introduction(options, places));
    },
    async stop(timeoutMs) {
      await sender.stop(timeoutMs);
      await receiver.stop(timeoutMs);
    },
    async flush() {
      await sender.flush();
      await receiver.flush();
    },
    get plugins() {
      return [...sender.plugins, ...receiver.plugins];
    },
  };
  const logger = demoLogger();
  const loaded = { agent: both, logger, shutdownTimeoutMs: SHUTDOWN_TIMEOUT_MS, dump: "", again: () => loaded };
  const service = new Service(loaded, oneConfiguration);
  const exitCode = await runUntilStopped(service, standardOutput, 2 * SHUTDOWN_TIMEOUT_MS);
  console.log("Stopped.");
  return exitCode;
}

/** Warnings and errors only: the demo shows events, not the agent's own steps. */
function demoLogger() {
  return createLogger({ level: "warn", format: "text", write: (line) => void process.stderr.write(line) });
}

async function createDemoAgent(name: string, text: string, environment: NodeJS.ProcessEnv): Promise<Agent> {
  const root = parseConfig(text, `${name} of the demo`, { environment, hostname: hostname() });
  const plugins = await PluginList.for(root);
  const context = { clock: systemClock, logger: demoLogger(), hostname: hostname(), environment, plugins };
  const { agent, problems } = createAgent(root, context);
  const [error] = problems.errors;
  if (!agent) throw error ?? new ConfigError("the demo's configuration is not usable");
  return agent;
}

async function writeCertificates(folder: string): Promise<void> {
  const authority = await CertificateAuthority.create({ commonName: "Suiro demo CA" });
  const server = await authority.issue({ commonName: "localhost", names: ["localhost", "127.0.0.1", "::1"] });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "ca.pem"), authority.certificatePem);
  writeFileSync(join(folder, "server.pem"), server.certificatePem);
  writeFileSync(join(folder, "server-key.pem"), server.privateKeyPem, { mode: 0o600 });
}

/** `wanted` when it is free on loopback, else one that is. */
async function freePort(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    if (wanted === 0) throw error;
    console.log(`Port ${wanted} is taken (${(error as NodeJS.ErrnoException).code}); choosing another one.`);
    return freePort(0);
  }
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function introduction({ path }: DemoOptions, { senderPort, receiverPort }: DemoPlaces): string {
  const command = `node ${relative(process.cwd(), process.argv[1] ?? "dist/main.js")}`;
  const port = senderPort === 24224 ? "" : ` --port ${senderPort}`;
  return `
Suiro is running: two agents in this process, connected as two machines would be.

  sender    127.0.0.1:${senderPort}  takes events over the Forward protocol, keeps them in ${path}/buffer
     |                         until they are acknowledged, and forwards them: TLS, shared key
  receiver  localhost:${receiverPort}  shows them below and appends them to ${path}/received.log

Send an event from a second terminal, in this folder:

  echo '{"message":"hello"}' | ${command} cat --ack${port} demo.hello

Ctrl-C stops both.
`;
}
