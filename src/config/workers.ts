/** `<worker N>` and `<worker N-M>`: sections that hold for some workers only. */

import { ConfigError } from "../errors.ts";
import type { ConfigElement } from "./element.ts";
import { parseInteger } from "./literals.ts";

const ALLOWED = ["source", "match", "filter", "label"];

/**
 * The top-level elements that hold for worker `id` of `workers`: those outside of `<worker>`, then those of its own
 * worker sections. Every worker section is checked. Throws ConfigError.
 * Source: fluentd 1.18 root_agent.rb `configure`.
 */
export function elementsForWorker(root: ConfigElement, id: number, workers: number): ConfigElement[] {
  const elements = root.children.filter((child) => child.name !== "worker");
  const taken = new Set<number>();
  for (const section of root.childrenNamed("worker")) {
    const ids = workerIds(section, workers, taken);
    const foreign = section.children.find((child) => !ALLOWED.includes(child.name));
    if (foreign) throw new ConfigError(`<worker> section cannot have <${foreign.name}> directive`, foreign.position);
    if (ids.includes(id)) elements.push(...section.children);
  }
  return elements;
}

/** How many workers run each element that stands in a `<worker>` section, whatever it stands in there. */
export function sharesOf(root: ConfigElement, workers: number): ReadonlyMap<ConfigElement, number> {
  const shares = new Map<ConfigElement, number>();
  const taken = new Set<number>();
  for (const section of root.childrenNamed("worker")) {
    const count = workerIds(section, workers, taken).length;
    const note = (element: ConfigElement) => {
      shares.set(element, count);
      element.children.forEach(note);
    };
    section.children.forEach(note);
  }
  return shares;
}

function workerIds(section: ConfigElement, workers: number, taken: Set<number>): number[] {
  const { argument, position } = section;
  if (argument === "") throw new ConfigError("Missing worker id on <worker> directive", position);
  const parts = argument.split("-");
  if (parts.length !== 2) {
    const id = parseInteger(argument);
    checkId(section, id, workers);
    return [id];
  }
  const [first, last] = parts.map((part) => parseInteger(part)) as [number, number];
  if (first > last) {
    throw new ConfigError(
      `greater first_worker_id<${first}> than last_worker_id<${last}> specified by <worker> directive is not allowed. Available multi worker assign syntax is <smaller_worker_id>-<greater_worker_id>`,
      position,
    );
  }
  checkId(section, first, workers);
  checkId(section, last, workers);
  const ids = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  for (const id of ids) {
    if (taken.has(id)) {
      const free = Array.from({ length: workers }, (_, index) => index).filter((other) => !taken.has(other));
      throw new ConfigError(
        `specified worker_id<${id}> collisions is detected on <worker> directive. Available worker id(s): [${free.join(", ")}]`,
        position,
      );
    }
    taken.add(id);
  }
  return ids;
}

function checkId(section: ConfigElement, id: number, workers: number): void {
  if (id >= 0 && id < workers) return;
  throw new ConfigError(
    `worker id ${id} specified by <worker> directive is not allowed. Available worker id is between 0 and ${workers - 1}`,
    section.position,
  );
}
