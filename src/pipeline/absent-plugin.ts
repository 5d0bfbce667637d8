/** Plugins of fluentd and its gems that configurations name and Suiro does not have: where they come from, what to do instead. */

import type { PluginRole } from "./plugin-catalogue.ts";

export interface AbsentPlugin {
  /** The gem that has it; undefined for fluentd itself. */
  readonly gem?: string;
  /** What to use instead. */
  readonly instead: string;
}

type Gems = Readonly<Record<string, string>>;

const FORWARD = "send with @type forward to a fluentd";
const AT_RECEIVER = "let the receiver do it: a fluentd behind @type forward, with this section in its configuration";
const BY_OTHERS = "a fluentd or Fluent Bit beside Suiro that has the input, and forwards to a source of @type forward";

/** Destinations, by the end of the gem's name. */
const DESTINATIONS: Gems = {
  elasticsearch: "elasticsearch elasticsearch_dynamic elasticsearch_data_stream aws-elasticsearch-service",
  opensearch: "opensearch opensearch_data_stream",
  s3: "s3",
  "cloudwatch-logs": "cloudwatch_logs",
  kinesis: "kinesis_streams kinesis_streams_aggregated kinesis_firehose",
  "google-cloud": "google_cloud",
  bigquery: "bigquery bigquery_insert bigquery_load",
  gcs: "gcs",
  azurestorage: "azurestorage",
  "azure-storage-append-blob": "azure-storage-append-blob",
  "azure-loganalytics": "azure-loganalytics",
  "grafana-loki": "loki",
  "splunk-hec": "splunk_hec splunk-hec splunk_ingest_api",
  kafka: "kafka kafka2 kafka_buffered rdkafka rdkafka2",
  newrelic: "newrelic",
  datadog: "datadog",
  logzio: "logzio logzio_buffered",
  sumologic_output: "sumologic",
  remote_syslog: "remote_syslog syslog_buffered",
  syslog_rfc5424: "syslog_rfc5424",
  "gelf-hs": "gelf",
  mongo: "mongo mongo_replset",
  td: "tdlog td",
  webhdfs: "webhdfs",
  rabbitmq: "rabbitmq",
  sqs: "sqs",
  redis: "redis",
  sql: "sql",
  influxdb: "influxdb",
  mail: "mail",
  slack: "slack",
  logdna: "logdna",
  logentries: "logentries",
  loggly: "loggly",
  papertrail: "papertrail",
  kubernetes_remote_syslog: "kubernetes_remote_syslog",
  "vmware-loginsight": "vmware_loginsight",
  oci: "oci_logging",
  lm: "lm",
  "vmware-log-intelligence": "vmware_log_intelligence",
  mattermost: "mattermost",
  oss: "oss",
};

/** Outputs that do more, or less, than to bring events to a destination. */
const OUTPUTS: Readonly<Record<string, readonly [gem: string | undefined, instead: string]>> = {
  http: [undefined, `${FORWARD} that has the output http`],
  stream: [undefined, "@type forward"],
  buffer: [undefined, "the <buffer> of the output itself"],
  exec: [undefined, "the output file, and a program that reads the files"],
  exec_filter: [undefined, "a filter, or a program between two Forward ports"],
  secure_forward: ["secure-forward", "@type forward with transport tls and <security>, which speaks to its receivers"],
  forest: ["forest", "one output with ${tag} in its path and <buffer tag>"],
  record_reformer: ["record-reformer", "the filter record_transformer, and the output rewrite_tag_filter for the tag"],
  label_router: ["label-router", "filters grep, and the outputs copy and relabel: one <label> for each route"],
  tag_normaliser: ["tag-normaliser", "rewrite_tag_filter, whose tag may hold what its pattern captures"],
  route: ["route", "the outputs copy and relabel, or rewrite_tag_filter"],
  rewrite: ["rewrite", "rewrite_tag_filter, and the filter record_transformer"],
  retag: ["retag", "rewrite_tag_filter"],
  parser: ["parser", "the filter parser"],
  grep: ["grep", "the filter grep"],
  grepcounter: ["grepcounter", "the output prometheus with a <metric> of type counter, and an alert on it"],
  datacounter: ["datacounter", "the output prometheus with a <metric> of type counter, and an alert on it"],
  config_expander: ["config-expander", "the sections that it makes, written out"],
};

const FILTERS: Readonly<Record<string, readonly [gem: string | undefined, instead: string]>> = {
  detect_exceptions: ["detect-exceptions", "the output detect_exceptions"],
  add_insert_ids: ["google-cloud", "record_transformer with enable_ruby true and insertId ${SecureRandom.hex(8)}"],
  elasticsearch_genid: ["elasticsearch", "record_transformer with enable_ruby true and _hash ${SecureRandom.hex(16)}"],
  opensearch_genid: ["opensearch", "record_transformer with enable_ruby true and _hash ${SecureRandom.hex(16)}"],
  rename_key: ["rename-key", "record_transformer: a <record> with the new names, and remove_keys with the old ones"],
  parse_json_field: ["viaq_data_model", "the filter parser with key_name, reserve_data true and <parse> @type json"],
  throttle: ["throttle", "<group> of the source tail"],
  dedot: ["dedot_filter", AT_RECEIVER],
  geoip: ["geoip", AT_RECEIVER],
  viaq_data_model: ["viaq_data_model", AT_RECEIVER],
  ua_parser: ["ua-parser", AT_RECEIVER],
  flatten_hash: ["flatten-hash", AT_RECEIVER],
  jq_transformer: ["jq", "record_transformer with enable_ruby true"],
  enhance_k8s_metadata: ["enhance-k8s-metadata", "kubernetes_metadata"],
  kubernetes_sumologic: ["kubernetes_sumologic", AT_RECEIVER],
  tag_normaliser: ["tag-normaliser", "the output rewrite_tag_filter, whose tag may hold what its pattern captures"],
};

const INPUTS: Readonly<Record<string, readonly [gem: string | undefined, instead: string]>> = {
  debug_agent: [undefined, "suiro check, suiro top, and /api/plugins.json of monitor_agent"],
  gc_stat: [undefined, "the process_ metrics of @type prometheus"],
  object_space: [undefined, "the process_ metrics of @type prometheus"],
  windows_eventlog: ["windows-eventlog", BY_OTHERS],
  windows_eventlog2: ["windows-eventlog", BY_OTHERS],
  secure_forward: ["secure-forward", "@type forward with <transport tls> and <security>; senders set transport tls"],
  kafka: ["kafka", BY_OTHERS],
  kafka_group: ["kafka", BY_OTHERS],
  rdkafka_group: ["kafka", BY_OTHERS],
  s3: ["s3", BY_OTHERS],
  sqs: ["sqs", BY_OTHERS],
  sql: ["sql", BY_OTHERS],
  mongo_tail: ["mongo", BY_OTHERS],
  rabbitmq: ["rabbitmq", BY_OTHERS],
  gelf: ["gelf-hs", BY_OTHERS],
  beats: ["beats", BY_OTHERS],
  kubernetes_objects: ["kubernetes-objects", BY_OTHERS],
  jfrog_metrics: ["jfrog-metrics", BY_OTHERS],
};

/** Undefined for a plugin that nobody is known to have. */
export function absentPlugin(role: PluginRole, type: string): AbsentPlugin | undefined {
  const known = { input: INPUTS, filter: FILTERS, output: OUTPUTS }[role];
  const [gem, instead] = (Object.hasOwn(known, type) ? known[type] : undefined) ?? [];
  if (instead !== undefined) return { ...(gem !== undefined && { gem: `fluent-plugin-${gem}` }), instead };
  if (role !== "output") return undefined;
  const [end] = Object.entries(DESTINATIONS).find(([, types]) => types.split(" ").includes(type)) ?? [];
  return end === undefined
    ? undefined
    : { gem: `fluent-plugin-${end}`, instead: `${FORWARD} that has the plugin and this section` };
}

/** What else people may have meant by a misspelt name. */
export function absentTypes(role: PluginRole): string[] {
  const known = { input: INPUTS, filter: FILTERS, output: OUTPUTS }[role];
  const destinations = role === "output" ? Object.values(DESTINATIONS).flatMap((types) => types.split(" ")) : [];
  return [...Object.keys(known), ...destinations];
}
