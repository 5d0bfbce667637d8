/** The configuration of a row: one text for all agents that read fluentd's language, as a user writes it. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { LOG_FOLDER, POSITION_FILE } from "./line-appender.ts";
import type { Row } from "./rows.ts";

/** Where an agent stands between the load and the receiver. */
export interface Relay {
  readonly row: Row;
  readonly port: number;
  readonly receiverPort: number;
  /** PEM file of the CA that issued the receiver's certificate for `localhost`. */
  readonly caPath: string;
  /** For buffers, logs and configuration. */
  readonly folder: string;
  /** Of a Kubernetes API server, where the row has filters. */
  readonly apiUrl: string;
}

/** Writes it into the folder and returns its path. `ackAfter` is Suiro's own. */
export function writeConfiguration(relay: Relay, ackAfter?: string): string {
  const path = join(relay.folder, "relay.conf");
  const { row } = relay;
  writeFileSync(
    path,
    `${system(row)}${source(relay, ackAfter)}${(row.filters ?? "").replaceAll("API", relay.apiUrl)}${match(relay)}`,
  );
  return path;
}

function system({ workers }: Row): string {
  return `<system>
  log_level warn${workers === undefined ? "" : `\n  workers ${workers}`}
</system>
`;
}

/** The port is there with a tail, too: the agent is ready when it listens. */
function source({ row: { load }, port, folder }: Relay, ackAfter?: string): string {
  const more = {
    tail: "",
    forward: ackAfter === undefined ? "" : `  ack_after ${ackAfter}\n`,
    http: "",
    syslog: "  tag syslog\n  <transport tcp>\n  </transport>\n",
  };
  const listener = `<source>
  @type ${load.kind === "tail" ? "forward" : load.kind}
  bind 127.0.0.1
  port ${port}
${more[load.kind]}</source>
`;
  if (load.kind !== "tail") return listener;
  return `${listener}<source>
  @type tail
  path ${join(folder, LOG_FOLDER, "*.log")}
  pos_file ${join(folder, POSITION_FILE)}
  tag kubernetes.*
  read_from_head true
  <parse>
    @type cri
    time_format %Y-%m-%dT%H:%M:%S.%N%:z
  </parse>
</source>
`;
}

function match({ row, caPath, folder, receiverPort }: Relay): string {
  return `<match **>
  @type forward
  transport tls
  tls_version TLSv1_3
  tls_cert_path ${caPath}
  require_ack_response true
  heartbeat_type none
  keepalive ${row.keepalive ?? false}
  <server>
    host 127.0.0.1
    name localhost
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${join(folder, "buffer")}
    chunk_limit_size 8m
    flush_mode interval
    flush_interval ${row.flushSeconds ?? 1}s
    flush_thread_count 2
    overflow_action block
    retry_type periodic
    retry_wait 1s
  </buffer>
</match>
`;
}
