/** An agent whose first chunk is poison to its receiver, and events of other tags that must pass it. */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ChildProgram } from "./child-program.ts";
import { encodeFrame, ForwardClient } from "./forward-client.ts";
import { freePort } from "./free-port.ts";
import { startSuiro } from "./suiro.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const BETWEEN_MS = 100;

export interface PoisonedAgent {
  readonly agent: ChildProgram;
  /** The buffer's `quarantine_path`. */
  readonly quarantine: string;
  /** Sends one event after the other, each under a tag of its own, until the quarantine has a chunk; gives the tags. */
  sendUntilQuarantined(): Promise<string[]>;
}

/** Starts an agent and gives it a chunk of the tag `poison`; `values` stand in its `<match>`. */
export async function startPoisonedAgent(
  context: TestContext,
  receiverPort: number,
  values: string,
  text = "p",
): Promise<PoisonedAgent> {
  const folder = temporaryFolder();
  const quarantine = join(folder, "quarantine");
  const port = await freePort();
  const config = join(folder, "agent.conf");
  writeFileSync(config, agentConfig(port, receiverPort, folder, values));
  const agent = await startSuiro(config);
  context.after(() => agent.stop("SIGKILL"));
  const client = await ForwardClient.open(port);
  context.after(() => client.close());
  client.send(encodeFrame("PackedForward", "poison", [{ seconds: 1_700_000_000, record: { text } }], "poison"));
  await client.acked("poison");
  return {
    agent,
    quarantine,
    async sendUntilQuarantined() {
      const tags: string[] = [];
      while (!hasFrame(quarantine)) {
        const tag = `good.${tags.length}`;
        tags.push(tag);
        client.send(encodeFrame("PackedForward", tag, [{ seconds: 1_700_000_000, record: { n: 1 } }], tag));
        await client.acked(tag);
        await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
      }
      return tags;
    },
  };
}

function hasFrame(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".frame"));
}

function agentConfig(port: number, receiverPort: number, folder: string, values: string): string {
  return `
    <source>
      @type forward
      port ${port}
      bind 127.0.0.1
    </source>
    <match **>
      @type forward
      require_ack_response true
      ack_response_timeout 1
      ${values.includes("heartbeat_type") ? "" : "heartbeat_type none"}
      ${values.replaceAll("\n", "\n      ")}
      <server>
        host 127.0.0.1
        port ${receiverPort}
      </server>
      <buffer tag>
        @type file
        path ${folder}/buffer
        flush_mode immediate
        retry_forever true
        retry_wait 0.2
        retry_max_interval 1
        quarantine_attempts 3
        quarantine_wait 0
        quarantine_path ${folder}/quarantine
      </buffer>
    </match>
  `.replaceAll(/^ {4}/gm, "");
}
