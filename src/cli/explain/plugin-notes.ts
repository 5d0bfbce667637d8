/** What plugins do, in a few words. */

import type { ConfigElement } from "../../config/element.ts";

type Note = (element: ConfigElement) => string;

const or = (element: ConfigElement, key: string, fallback: string) => element.text(key) ?? fallback;
const listens =
  (what: string, port: number): Note =>
  (element) =>
    `takes ${what} on ${or(element, "bind", "0.0.0.0")}:${or(element, "port", String(port))}`;
const names = (element: ConfigElement, section: string, key: string) =>
  element
    .childrenNamed(section)
    .flatMap((child) => child.text(key) ?? [])
    .join(", ");

const servers: Note = (element) =>
  element
    .childrenNamed("server")
    .map((server) => `${or(server, "host", "?")}:${or(server, "port", "24224")}`)
    .join(", ");

const SOURCES: Record<string, Note> = {
  forward: listens("messages of the Forward protocol", 24224),
  http: listens("HTTP requests", 9880),
  tcp: listens("lines over TCP", 5170),
  udp: listens("datagrams", 5160),
  syslog: listens("syslog messages", 5140),
  unix: (element) => `takes messages of the Forward protocol on the socket ${or(element, "path", "")}`,
  tail: (element) =>
    `follows ${or(element, "path", "")}${element.text("pos_file") ? "" : "; without a pos_file, lines that come while it is down are lost"}`,
  systemd: (element) => `follows systemd's journal in ${or(element, "path", "/var/log/journal")}`,
  exec: (element) => `runs '${or(element, "command", "")}' and takes what it writes`,
  sample: () => "makes sample events",
  dummy: () => "makes sample events",
  monitor_agent: () => "shows plugins and buffers over HTTP",
  prometheus: () => "shows metrics over HTTP",
  prometheus_monitor: () => "adds metrics of all plugins, as fluent-plugin-prometheus names them",
  prometheus_output_monitor: () => "adds metrics of outputs and their buffers, as fluent-plugin-prometheus names them",
  prometheus_tail_monitor: () => "adds metrics of followed files, as fluent-plugin-prometheus names them",
};

const FILTERS: Record<string, Note> = {
  grep: () => "lets through what its patterns match",
  parser: (element) => `parses the field ${or(element, "key_name", "")}`,
  record_transformer: () => "sets and removes fields",
  record_modifier: () => "sets and removes fields",
  concat: (element) => `joins lines of the field ${or(element, "key", "")}`,
  kubernetes_metadata: () => "adds pod, namespace and labels",
  prometheus: (element) => `counts events into ${names(element, "metric", "name")}`,
  systemd_entry: () => "renames the journal's fields",
  stdout: () => "prints events, and passes them on",
};

const OUTPUTS: Record<string, Note> = {
  forward: (element) => `sends to ${servers(element) || "the servers that it discovers"}`,
  file: (element) => `writes files ${or(element, "path", "")}`,
  secondary_file: () => "writes chunks to files",
  stdout: () => "prints events",
  null: () => "drops events",
  copy: (element) => `gives each event to ${names(element, "store", "@type")}`,
  roundrobin: (element) => `gives events in turn to ${names(element, "store", "@type")}`,
  prometheus: (element) => `counts events into ${names(element, "metric", "name")}`,
  relabel: (element) => `moves events to ${or(element, "@label", "")}`,
  rewrite_tag_filter: () => "gives events other tags, and passes them through again",
  detect_exceptions: () => "joins stack traces, and passes events through again",
};

const NOTES: Record<string, Record<string, Note>> = { source: SOURCES, filter: FILTERS, match: OUTPUTS };

/** A sentence without an end; the type alone where there is none. */
export function describe(element: ConfigElement): string {
  const type = element.text("@type") ?? or(element, "type", "?");
  const note = NOTES[element.name]?.[type]?.(element);
  return note === undefined ? `@type ${type}` : `${type}: ${note}`;
}
