/** Parameters of `@type kubernetes_metadata`. Source: fluent-plugin-kubernetes_metadata_filter 3.7.1. */

import { array, bool, integer, string } from "../../config/literals.ts";
import { type ConfigOf, refused, section } from "../../config/parameters.ts";

const POD_NAME = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const IN_PODS = `(var\\.log\\.pods)\\.(?<namespace>[^_]+)_(?<pod_name>${POD_NAME})_(?<pod_uuid>[a-z0-9-]*)\\.(?<container_name>.+)\\..*\\.log$`;
const IN_CONTAINERS = `(var\\.log\\.containers)\\.(?<pod_name>${POD_NAME})_(?<namespace>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\\.log$`;

/** A parameter of versions before 3.0: later ones warn that it is not used, and so does this one. */
const removed = (instead: string) =>
  string.optional("Without effect, as in version 3.0 of the plugin and later.", {
    deprecated: `it has no effect since version 3.0 of the plugin. ${instead}`,
  });

const RENAME =
  'Rename labels with record_transformer: record["kubernetes"]["labels"].transform_keys { |k| k.tr(".", "_") }';

export const kubernetesMetadataTable = section({
  kubernetes_url: string.optional(
    "Address of the API, such as https://10.0.0.1:443/api. Without it from KUBERNETES_SERVICE_HOST and _PORT; where these are absent too, only names out of the tag are added.",
  ),
  apiVersion: string.default("Version of the API.", "v1"),
  bearer_token_file: string.optional("File with the token to show; read anew for each request. Without it the token of secret_dir."),
  secret_dir: string.default("Folder of the pod's own service account: ca.crt and token.", "/var/run/secrets/kubernetes.io/serviceaccount"),
  ca_file: string.optional("PEM file of the authority that the API's certificate is from. Without it that of secret_dir, else the system's."),
  verify_ssl: bool.default("Whether the API's certificate is checked.", true),
  ssl_partial_chain: bool.default("Trust the certificates of ca_file even where their own issuer is unknown.", false),
  client_cert: string.optional("PEM file of a client certificate to show."),
  client_key: string.optional("PEM file of its private key."),
  open_timeout: integer.default("Seconds to wait for a connection to the API.", 3),
  read_timeout: integer.default("Seconds to wait for the API's answer.", 10),
  watch: bool.default("Keep up with the pods of the node K8S_NODE_NAME, and with namespaces, by a watch instead of asking for each container.", true),
  watch_retry_interval: integer.default("Seconds before the second try where the API is away.", 1),
  watch_retry_exponential_backoff_base: integer.default("Each further wait is longer by this factor, up to one minute.", 2),
  watch_retry_max_times: integer.default("Failures in a row after which the log calls them errors. Trying goes on; the plugin ends fluentd here.", 10),
  cache_size: integer.default("Pods, namespaces and containers to remember, each.", 1000),
  cache_ttl: integer.default("Seconds after which what is not watched is asked for again; negative means never.", 3600),
  ignore_nil: bool.default("Accepted; nothing is remembered under no name.", true),
  tag_to_kubernetes_name_regexp: string.default(
    "Finds the groups namespace, pod_name, container_name and docker_id or pod_uuid in the tag.",
    `(${IN_PODS}|${IN_CONTAINERS})`,
  ),
  lookup_from_k8s_field: bool.default("Where a record has kubernetes.{namespace_name,pod_name,container_name} and docker.container_id, these count instead of the tag.", true),
  annotation_match: array.default("Regular expressions; annotations whose names match one are added.", []),
  allow_orphans: bool.default("Where neither pod nor namespace can be found, put the orphaned_* names in.", true),
  orphaned_namespace_name: string.default("namespace_name of such events.", ".orphaned"),
  orphaned_namespace_id: string.default("namespace_id of such events.", "orphaned"),
  skip_labels: bool.default("Leave out labels of pods and namespaces.", false),
  skip_pod_labels: bool.default("Leave out labels of pods.", false),
  skip_namespace_labels: bool.default("Leave out labels of namespaces.", false),
  skip_container_metadata: bool.default("Leave out image and id of the container.", false),
  skip_master_url: bool.default("Leave out master_url.", false),
  skip_namespace_metadata: bool.default("Leave out all about the namespace but its name, and do not ask for it.", false),
  include_ownerrefs_metadata: bool.default("Add ownerrefs: kind and name of what the pod belongs to.", false),
  stats_interval: integer.default("Seconds between two lines of the log that count lookups; 0 means none.", 30),
  test_api_adapter: refused("it is a Ruby class."),
  use_journal: removed("Set tag_to_kubernetes_name_regexp or lookup_from_k8s_field."),
  container_name_to_kubernetes_regexp: removed("Set tag_to_kubernetes_name_regexp."),
  merge_json_log: removed("Add <filter> @type parser with key_name log and <parse> @type json."),
  preserve_json_log: removed("Add <filter> @type parser with reserve_data true."),
  de_dot: removed(RENAME),
  de_dot_separator: removed(RENAME),
  de_slash: removed(RENAME),
  de_slash_separator: removed(RENAME),
}); // biome-ignore format: a table

export type KubernetesMetadataConfig = ConfigOf<typeof kubernetesMetadataTable>;
