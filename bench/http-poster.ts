/** Posts JSON arrays of events over connections that stay open, one request at a time on each. */

import { Agent, request } from "node:http";
import { recordOf } from "./frames.ts";
import type { Load } from "./load.ts";
import type { HttpLoad } from "./rows.ts";

export function postAll({ eventsPerRequest, requests, connections }: HttpLoad, port: number): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const bodies = Array.from({ length: requests }, (_, index) => {
    const first = index * eventsPerRequest;
    return Buffer.from(JSON.stringify(Array.from({ length: eventsPerRequest }, (_, event) => recordOf(first + event))));
  });
  return async (durationMs) => {
    const deadline = performance.now() + durationMs;
    const acks: number[] = [];
    let cycles = 0;
    const connection = async () => {
      for (; performance.now() < deadline; cycles++) {
        for (const body of bodies) {
          const sentAt = performance.now();
          await post(agent, port, body);
          acks.push(performance.now() - sentAt);
        }
      }
    };
    await Promise.all(Array.from({ length: connections }, connection));
    return { cycles, acks };
  };
}

/** Resolves when the agent has the events. Rejects with Error when it refuses them. */
function post(agent: Agent, port: number, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": body.length };
    const options = { host: "127.0.0.1", port, method: "POST", path: "/kubernetes.checkout", agent, headers };
    const sent = request(options, (answer) => {
      answer.resume().on("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`the agent answered ${answer.statusCode}`));
      });
    });
    sent.on("error", reject).end(body);
  });
}
