/** What is measured: the rows of the table, each a load and what the agent between has to do with it. */

/** Messages of the Forward protocol over plain TCP, with acks. */
export interface ForwardLoad {
  readonly kind: "forward";
  readonly shape: "packed" | "forward" | "message" | "gzip";
  readonly eventsPerFrame: number;
  /** Different frames; a cycle sends each of them once. */
  readonly frames: number;
  /** Frames that one connection may have without an ack. */
  readonly window: number;
  readonly connections: number;
  /** Tags that the frames take in turn. */
  readonly tags: number;
  /** Of all connections together; undefined: as many as the agent takes. */
  readonly eventsPerSecond?: number;
}

/** Lines of the container runtime, appended to files. */
export interface TailLoad {
  readonly kind: "tail";
  readonly files: number;
  readonly lineBytes: number;
  /** Different lines; a cycle appends each of them once to one file. */
  readonly lines: number;
  /** Of all files together, one line at a time; undefined: as many as the agent reads. */
  readonly linesPerSecond?: number;
}

/** JSON arrays in POST requests, one under way on each connection. */
export interface HttpLoad {
  readonly kind: "http";
  readonly eventsPerRequest: number;
  /** Different requests; a cycle sends each of them once. */
  readonly requests: number;
  readonly connections: number;
}

/** Lines of RFC 3164 over TCP. */
export interface SyslogLoad {
  readonly kind: "syslog";
  /** Different lines; a cycle sends each of them once. */
  readonly lines: number;
  readonly connections: number;
}

export interface Row {
  readonly name: string;
  /** As the table says it. */
  readonly title: string;
  readonly load: ForwardLoad | TailLoad | HttpLoad | SyslogLoad;
  /** CPU of Suiro in microseconds per event, on the machine on which the goals were set. */
  readonly goal?: number;
  /** The output keeps its connections. */
  readonly keepalive?: boolean;
  /** How long a chunk gathers events; 1 unless given. */
  readonly flushSeconds?: number;
  /** The receiver listens only when the load is over: what counts is memory, and then how fast the buffer drains. */
  readonly receiverComesLate?: boolean;
  /** Between source and match; `API` stands for the URL of a Kubernetes API server. */
  readonly filters?: string;
  readonly workers?: number;
}

const packed1000: ForwardLoad = {
  kind: "forward",
  shape: "packed",
  eventsPerFrame: 1000,
  frames: 8,
  window: 4,
  connections: 4,
  tags: 1,
};
const packed10: ForwardLoad = { ...packed1000, eventsPerFrame: 10, frames: 200, window: 64 };
const containers: TailLoad = { kind: "tail", files: 4, lineBytes: 200, lines: 10_000 };

const DAEMONSET_FILTERS = `<filter kubernetes.**>
  @type kubernetes_metadata
  kubernetes_url API
  verify_ssl false
</filter>
<filter kubernetes.**>
  @type record_transformer
  <record>
    cluster bench-1
    source \${tag}
  </record>
</filter>
`;

/** A filter that looks at each event by itself. */
function filter(type: string, parameters: string): string {
  return `<filter **>\n  @type ${type}\n${parameters}</filter>\n`;
}

const LOG_PATTERN =
  '/^(?<remote>[^ ]*) "(?<method>\\S+) (?<path>[^"]*) HTTP\\/1.1" (?<code>\\d+) (?<size>\\d+) "(?<agent>[^"]*)" (?<ms>\\d+)ms$/';

const PARSER_REGEXP = filter(
  "parser",
  `  key_name log
  reserve_data true
  <parse>
    @type regexp
    expression ${LOG_PATTERN}
    types code:integer,size:integer
  </parse>
`,
);
const PARSER_JSON = filter(
  "parser",
  `  key_name log
  reserve_data true
  reserve_time true
  emit_invalid_record_to_error false
  <parse>
    @type json
  </parse>
`,
);
const RUBY = filter(
  "record_transformer",
  `  enable_ruby true
  remove_keys stream
  <record>
    upper \${record["container"].upcase}
    at \${time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    path \${record["log"].split(" ")[2]}
  </record>
`,
);
const RECORD_MODIFIER = filter(
  "record_modifier",
  `  remove_keys stream,pod
  <record>
    cluster bench-1
    ns \${record["namespace"]}
  </record>
`,
);
const CONCAT = filter(
  "concat",
  `  key log
  stream_identity_key pod
  multiline_start_regexp /^10/
  multiline_end_regexp /ms$/
`,
);

export const rows: readonly Row[] = [
  { name: "packed-1000", title: "PackedForward, 1,000 events", load: packed1000, goal: 0.65 },
  { name: "packed-10", title: "PackedForward, 10 events", load: packed10, goal: 1.3 },
  {
    name: "forward-100",
    title: "Forward, 100 events",
    load: { ...packed1000, shape: "forward", eventsPerFrame: 100, frames: 40, window: 16 },
    goal: 1.0,
  },
  { name: "gzip-1000", title: "gzip, 1,000 events", load: { ...packed1000, shape: "gzip" }, goal: 0.9 },
  {
    name: "message",
    title: "Message",
    load: { ...packed1000, shape: "message", eventsPerFrame: 1, frames: 1000, window: 256 },
    goal: 1.8,
  },
  { name: "tail", title: "tail, CRI lines of 200 bytes, 4 files", load: containers, goal: 1.8 },
  {
    name: "tail-filters",
    title: "tail, kubernetes_metadata, record_transformer",
    load: containers,
    filters: DAEMONSET_FILTERS,
  },
  {
    name: "tail-2000",
    title: "tail, 2,000 files that grow, a tag each",
    load: { ...containers, files: 2000, lines: 100 },
    keepalive: true,
    flushSeconds: 5,
  },
  {
    name: "tail-slow",
    title: "tail, 1,000 lines a second in 20 files",
    load: { ...containers, files: 20, lines: 100, linesPerSecond: 1000 },
  },
  {
    name: "http",
    title: "http, JSON arrays of 10 events, 8 connections",
    load: { kind: "http", eventsPerRequest: 10, requests: 100, connections: 8 },
  },
  {
    name: "syslog",
    title: "syslog over TCP, lines of RFC 3164",
    load: { kind: "syslog", lines: 10_000, connections: 4 },
  },
  { name: "parser-regexp", title: "filter parser, a regexp of seven groups", load: packed1000, filters: PARSER_REGEXP },
  { name: "parser-json", title: "filter parser, json, of lines that are none", load: packed1000, filters: PARSER_JSON },
  { name: "ruby", title: "filter record_transformer, three expressions", load: packed1000, filters: RUBY },
  { name: "record-modifier", title: "filter record_modifier", load: packed1000, filters: RECORD_MODIFIER },
  { name: "concat", title: "filter concat, of one line each", load: packed1000, filters: CONCAT },
  {
    name: "keepalive",
    title: "PackedForward, 1,000 events, keepalive",
    load: packed1000,
    keepalive: true,
  },
  {
    name: "window-1000",
    title: "PackedForward, 1,000 events, 16 chunks under way",
    load: { ...packed1000, window: 16 },
  },
  {
    name: "window-10",
    title: "PackedForward, 10 events, 512 chunks under way",
    load: { ...packed10, frames: 600, window: 512 },
  },
  { name: "workers-2", title: "PackedForward, 10 events, 2 workers", load: packed10, workers: 2 },
  { name: "tags-200", title: "PackedForward, 10 events, 200 tags", load: { ...packed10, tags: 200 } },
  {
    name: "connections-200",
    title: "PackedForward, 10 events, 200 connections",
    load: { ...packed10, frames: 20, window: 4, connections: 200 },
  },
  {
    name: "latency",
    title: "PackedForward, 10 events, at 20,000 events/s",
    load: { ...packed10, eventsPerSecond: 20_000 },
  },
  {
    name: "away",
    title: "PackedForward, 1,000 events, receiver away, then back",
    load: packed1000,
    receiverComesLate: true,
  },
];

/** Throws Error when there is no such row. */
export function rowNamed(name: string | undefined): Row {
  const row = rows.find((candidate) => candidate.name === name);
  if (!row) throw new Error(`no row '${name}'`);
  return row;
}

/** Events with an id of their own in one cycle. */
export function eventsPerCycle({ load }: Row): number {
  switch (load.kind) {
    case "forward":
      return load.frames * load.eventsPerFrame;
    case "http":
      return load.requests * load.eventsPerRequest;
    default:
      return load.lines;
  }
}
