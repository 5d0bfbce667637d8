/** Which container an event is from: out of its tag, or out of fields that somebody put into its record. */

import { rubyRegexp } from "../../config/ruby/regexp.ts";
import { ConfigError, type SourcePosition } from "../../errors.ts";
import { ABSENT, findField } from "../../event/record-fields.ts";
import { readText } from "../../event/record-reader.ts";
import { isMapType } from "../../event/walker.ts";

export interface ContainerOrigin {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** What tells this pod from earlier ones of its name: the container's id, or the pod's uid. */
  readonly key: string;
  /** Undefined where only the pod's uid is known. */
  readonly containerId: string | undefined;
}

const REQUIRED = ["namespace", "pod_name", "container_name"];

/** Reads origins out of tags; what was read last is kept. */
export class TagOrigins {
  readonly #pattern: RegExp;
  /** JavaScript allows each name once: alternatives of the same name get numbers. */
  readonly #groups = new Map<string, string[]>();
  readonly #known = new Map<string, ContainerOrigin | undefined>();
  readonly #capacity: number;

  /** Throws ConfigError where `source` is no expression, or lacks a group. */
  constructor(source: string, capacity: number, position: SourcePosition) {
    this.#capacity = Math.max(1, capacity);
    const numbered = source.replace(/\(\?<([A-Za-z_]\w*)>/g, (_, name: string) => {
      const names = this.#groups.get(name) ?? [];
      this.#groups.set(name, [...names, `${name}_${names.length}`]);
      return `(?<${name}_${names.length}>`;
    });
    try {
      this.#pattern = rubyRegexp(numbered);
    } catch (error) {
      throw new ConfigError(`tag_to_kubernetes_name_regexp: ${(error as Error).message}`, position);
    }
    const missing = REQUIRED.filter((name) => !this.#groups.has(name));
    if (!this.#groups.has("docker_id") && !this.#groups.has("pod_uuid")) missing.push("docker_id or pod_uuid");
    if (missing.length === 0) return;
    const message = `tag_to_kubernetes_name_regexp has no group ${missing.join(", ")}: write (?<${missing[0]?.split(" ")[0]}>…)`;
    throw new ConfigError(message, position);
  }

  /** Undefined where the tag names no container. */
  of(tag: string): ContainerOrigin | undefined {
    if (this.#known.has(tag)) return this.#known.get(tag);
    const origin = this.#read(tag);
    if (this.#known.size >= this.#capacity) this.#known.delete(this.#known.keys().next().value as string);
    this.#known.set(tag, origin);
    return origin;
  }

  #read(tag: string): ContainerOrigin | undefined {
    const groups = this.#pattern.exec(tag)?.groups;
    if (!groups) return undefined;
    const read = (name: string) =>
      this.#groups
        .get(name)
        ?.map((group) => groups[group])
        .find((text) => text !== undefined);
    const containerId = read("docker_id");
    return {
      namespace: read("namespace") ?? "",
      pod: read("pod_name") ?? "",
      container: read("container_name") ?? "",
      key: read("pod_uuid") ?? containerId ?? "",
      containerId,
    };
  }
}

const KUBERNETES = Buffer.from("kubernetes");
const DOCKER = Buffer.from("docker");
const NAMESPACE_NAME = Buffer.from("namespace_name");
const POD_NAME = Buffer.from("pod_name");
const CONTAINER_NAME = Buffer.from("container_name");
const CONTAINER_ID = Buffer.from("container_id");

/** Whether a record of these entries may have both fields: sure where false. */
export function mayHoldOrigin(packed: Buffer): boolean {
  return mayHoldKey(packed, KUBERNETES) && mayHoldKey(packed, DOCKER);
}

/** Whether a record of these entries may have one of the fields that the filter writes: sure where false. */
export function mayHoldMetadata(packed: Buffer): boolean {
  return mayHoldKey(packed, KUBERNETES) || mayHoldKey(packed, DOCKER);
}

/** The word, behind a byte that ends the header of a key of this length: fixstr, or the length of a longer form. */
function mayHoldKey(packed: Buffer, name: Buffer): boolean {
  for (let at = packed.indexOf(name); at > 0; at = packed.indexOf(name, at + 1)) {
    const before = packed[at - 1];
    if (before === (0xa0 | name.length) || before === name.length) return true;
  }
  return false;
}

/** The origin that the record at `recordStart` gives in its fields `kubernetes` and `docker`, if it has all of them. */
export function originInRecord(packed: Buffer, recordStart: number): ContainerOrigin | undefined {
  const kubernetes = findField(packed, recordStart, KUBERNETES);
  const docker = findField(packed, recordStart, DOCKER);
  const namespace = textIn(packed, kubernetes, NAMESPACE_NAME);
  const pod = textIn(packed, kubernetes, POD_NAME);
  const container = textIn(packed, kubernetes, CONTAINER_NAME);
  const containerId = textIn(packed, docker, CONTAINER_ID);
  if (namespace === undefined || pod === undefined || container === undefined || containerId === undefined) return;
  return { namespace, pod, container, key: containerId, containerId };
}

function textIn(packed: Buffer, map: number, name: Buffer): string | undefined {
  if (map === ABSENT || !isMapType(packed[map] as number)) return undefined;
  const value = findField(packed, map, name);
  return value === ABSENT ? undefined : (readText(packed, value, packed.length) ?? "");
}
