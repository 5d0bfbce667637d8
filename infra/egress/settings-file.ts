/** Reads egress.yaml. The one file that imports the YAML package. */

import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { EgressError } from "./egress-error.ts";

/** The file's top-level keys, values as YAML gives them. Undefined when an optional file is absent. */
export function readSettingsFile(path: string, optional: boolean): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new EgressError(`${path} cannot be read: ${(error as Error).message}.`);
  }
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new EgressError(`${path} is not YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  if (content === null || content === undefined) return {};
  if (typeof content !== "object" || Array.isArray(content)) {
    throw new EgressError(`${path} must hold keys and values, such as "project: my-project".`);
  }
  return content as Record<string, unknown>;
}
