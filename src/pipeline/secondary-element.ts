/** What fluentd gives sections from their surroundings: a path to file buffers, a buffer to `<secondary>`. */

import { ConfigElement, type ConfigParameter } from "../config/element.ts";
import type { SystemConfig } from "../config/system.ts";
import type { BufferedOutputDefinition } from "../plugin.ts";

/**
 * The output's element with a path in its `<buffer>`, where the output has a path to give and the configuration none.
 * An output with `@id` under `root_dir` has its place there. Source: fluentd 1.18 out_file.rb `configure`.
 */
export function withBufferPath(
  definition: BufferedOutputDefinition<any>,
  element: ConfigElement,
  system: SystemConfig,
): ConfigElement {
  const fallback = definition.bufferPath && element.text(definition.bufferPath);
  const buffer = element.childrenNamed("buffer")[0];
  const type = buffer?.text("@type") ?? definition.buffer.type;
  const hasPlace = system.rootDir !== undefined && element.text("@id") !== undefined;
  if (fallback === undefined || hasPlace || !type.startsWith("file") || buffer?.parameter("path")) return element;
  if (!buffer && element.parameter("buffer_path")) return element;
  const position = buffer?.position ?? element.position;
  const path: ConfigParameter = { key: buffer ? "path" : "buffer_path", value: fallback, position };
  if (!buffer) return copyOf(element, [...element.parameters, path], element.children);
  const placed = copyOf(buffer, [...buffer.parameters, path], buffer.children);
  return copyOf(
    element,
    element.parameters,
    element.children.map((child) => (child === buffer ? placed : child)),
  );
}

/** `<secondary>` with the buffer of its output, whose chunks it gets, and with its type where it gives none. */
export function secondaryElement(
  secondary: ConfigElement,
  owner: ConfigElement,
  definition: BufferedOutputDefinition<any>,
  type: string,
): ConfigElement {
  const { position } = secondary;
  const keys = definition.buffer.chunkKeys.join(",");
  const timekey = definition.buffer.timekey;
  const timekeyParameter = timekey === undefined ? [] : [{ key: "timekey", value: String(timekey), position }];
  const buffer = owner.childrenNamed("buffer")[0] ?? new ConfigElement("buffer", keys, position, timekeyParameter);
  const hasType = secondary.parameter("@type") ?? secondary.parameter("type");
  const parameters = hasType
    ? secondary.parameters
    : [{ key: "@type", value: type, position }, ...secondary.parameters];
  return copyOf(secondary, parameters, [...secondary.children.filter((child) => child.name !== "buffer"), buffer]);
}

function copyOf(element: ConfigElement, parameters: ConfigParameter[], children: ConfigElement[]): ConfigElement {
  return new ConfigElement(element.name, element.argument, element.position, parameters, children);
}
