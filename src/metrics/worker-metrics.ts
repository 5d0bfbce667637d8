/**
 * `/aggregated_metrics`: what the `/metrics` of every worker say, as one answer. Each worker listens on a port of its own
 * and asks the others there. Source: fluent-plugin-prometheus 2.3 in_prometheus.rb, prometheus_metrics.rb.
 */

import { once } from "node:events";
import { type ClientRequest, get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import { text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { errorMessage, NetworkError } from "../errors.ts";

export interface WorkerAddress {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly isTls: boolean;
}

const TIMEOUT_MS = 5000;

/** The metrics of another worker. Throws NetworkError. */
export async function metricsOf({ host, port, path, isTls }: WorkerAddress): Promise<string> {
  const where = { host, port, path, agent: false, timeout: TIMEOUT_MS };
  try {
    // It is this agent's own worker, whose certificate names the host that others reach it by.
    const request: ClientRequest = isTls ? getSecure({ ...where, rejectUnauthorized: false }) : getPlain(where);
    request.on("timeout", () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    const isPacked = response.headers["content-encoding"] === "gzip";
    const body = await text(isPacked ? response.pipe(createGunzip()) : response);
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode}`);
    return body;
  } catch (cause) {
    throw new NetworkError(`no metrics of the worker at ${host}:${port}: ${errorMessage(cause)}`, { cause });
  }
}

/** Answers of several workers as one: the comments of each metric once, and the samples of all below them. */
export function mergeMetrics(answers: readonly string[]): string {
  const families = new Map<string, { comments: string[]; samples: string[] }>();
  for (const answer of answers) {
    const before = new Set(families.keys());
    let name = "";
    for (const line of answer.split("\n")) {
      if (line === "") continue;
      const comment = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      name = comment?.[1] ?? name;
      const family = families.get(name) ?? { comments: [], samples: [] };
      families.set(name, family);
      if (!comment) family.samples.push(line);
      else if (!before.has(name)) family.comments.push(line);
    }
  }
  const lines = [...families.values()].flatMap(({ comments, samples }) => [...comments, ...samples]);
  return lines.map((line) => `${line}\n`).join("");
}
