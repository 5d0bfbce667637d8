/** The two fields of a record, as msgpack that is written once for all events of a container. */

import { encode } from "../../event/msgpack.ts";
import type { ContainerFields, Fields } from "./api-objects.ts";
import type { ContainerOrigin } from "./container-origin.ts";

export interface PreparedMetadata {
  /** Names of the fields: `docker` is left out where no id of the container is known. */
  readonly names: readonly string[];
  /** The value of each. */
  readonly values: readonly Buffer[];
  /** Names and values, one behind the other, as they stand at a record's end. */
  readonly pairs: Buffer;
}

/** Later `fields` replace earlier ones of the same name, in the earlier one's place, as Ruby's Hash#merge. */
export function prepareMetadata(
  origin: ContainerOrigin,
  container: ContainerFields | undefined,
  ...fields: readonly Fields[]
): PreparedMetadata {
  const kubernetes: Record<string, unknown> = {
    container_name: origin.container,
    namespace_name: origin.namespace,
    pod_name: origin.pod,
    ...(container && { container_image: container.image }),
    ...(container && container.imageId !== "" && { container_image_id: container.imageId }),
  };
  Object.assign(kubernetes, ...fields);
  const containerId = container?.containerId || origin.containerId;
  const all = { ...(containerId && { docker: { container_id: containerId } }), kubernetes };
  const names = Object.keys(all);
  const values = Object.values(all).map(encode);
  return {
    names,
    values,
    pairs: Buffer.concat(names.flatMap((name, index) => [encode(name), values[index] as Buffer])),
  };
}
