/**
 * What the filter takes of the API's objects: the fields that go into records, and by what a pod is recognised. The
 * API is another program: whatever has the wrong shape counts as absent.
 * Source: fluent-plugin-kubernetes_metadata_filter 3.7.1 kubernetes_metadata_common.rb; Kubernetes API v1.
 */

/** Fields in the order in which they stand in a record. */
export type Fields = Readonly<Record<string, unknown>>;

export interface ContainerFields {
  readonly image: string | null;
  readonly imageId: string;
  /** Without the runtime's name before it. */
  readonly containerId: string;
}

export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly fields: Fields;
  readonly containers: ReadonlyMap<string, ContainerFields>;
}

export interface Namespace {
  readonly uid: string;
  readonly name: string;
  readonly fields: Fields;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface FieldChoice {
  readonly podLabels: boolean;
  readonly namespaceLabels: boolean;
  readonly containers: boolean;
  readonly owners: boolean;
  /** Shown as `master_url`; undefined leaves it out. */
  readonly masterUrl: string | undefined;
  /** Annotations whose name one of these matches. */
  readonly annotations: readonly RegExp[];
}

/** The pod, or undefined where the object is none. */
export function podOf(object: unknown, choice: FieldChoice): Pod | undefined {
  const { metadata, status, spec } = mapOf(object);
  const { uid, namespace, name, labels, annotations, ownerReferences } = mapOf(metadata);
  if (!isText(uid) || !isText(namespace) || !isText(name)) return undefined;
  const chosen = chosenAnnotations(annotations, choice);
  const podIp = mapOf(status).podIP;
  const host = mapOf(spec).nodeName;
  const fields = {
    namespace_name: namespace,
    pod_id: uid,
    pod_name: name,
    ...(podIp !== undefined && podIp !== null && { pod_ip: podIp }),
    ...(host !== undefined && host !== null && { host }),
    ...(choice.owners && { ownerrefs: ownersOf(ownerReferences) }),
    ...(choice.podLabels && hasEntries(labels) && { labels }),
    ...(hasEntries(chosen) && { annotations: chosen }),
    ...(choice.masterUrl !== undefined && { master_url: choice.masterUrl }),
  };
  return { uid, namespace, name, fields, containers: containersOf(mapOf(status).containerStatuses) };
}

/** The namespace, or undefined where the object is none. */
export function namespaceOf(object: unknown, choice: FieldChoice): Namespace | undefined {
  const { uid, name, labels, annotations, creationTimestamp } = mapOf(mapOf(object).metadata);
  if (!isText(uid) || !isText(name)) return undefined;
  const chosen = chosenAnnotations(annotations, choice);
  const fields = {
    namespace_id: uid,
    ...(choice.namespaceLabels && hasEntries(labels) && { namespace_labels: labels }),
    ...(hasEntries(chosen) && { namespace_annotations: chosen }),
  };
  return { uid, name, fields, createdAt: Date.parse(String(creationTimestamp)) || 0 };
}

function containersOf(statuses: unknown): Map<string, ContainerFields> {
  const containers = new Map<string, ContainerFields>();
  for (const status of Array.isArray(statuses) ? statuses : []) {
    const { name, image, imageID, containerID } = mapOf(status);
    if (!isText(name)) continue;
    containers.set(name, {
      image: isText(image) ? image : null,
      imageId: isText(imageID) ? imageID : "",
      containerId: isText(containerID) ? containerID.replace(/^[-\w]+:\/\//, "") : "",
    });
  }
  return containers;
}

function ownersOf(references: unknown): { kind: unknown; name: unknown }[] {
  return (Array.isArray(references) ? references : []).map((reference) => {
    const { kind = null, name = null } = mapOf(reference);
    return { kind, name };
  });
}

function chosenAnnotations(annotations: unknown, choice: FieldChoice): Record<string, unknown> {
  const entries = choice.annotations.flatMap((pattern) =>
    Object.entries(mapOf(annotations)).filter(([name]) => pattern.test(name)),
  );
  return Object.fromEntries(entries);
}

/** The value as a map; an empty one for whatever is none. */
export function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function hasEntries(value: unknown): boolean {
  return Object.keys(mapOf(value)).length > 0;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
