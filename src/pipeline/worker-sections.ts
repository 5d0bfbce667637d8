/** `<worker N>` sections. Suiro is one process, which is worker 0. Source: fluentd 1.18 root_agent.rb; COMPAT 1.4. */

import { ConfigElement } from "../config/element.ts";
import type { Problems } from "../config/parameters.ts";

const DIRECTIVES = ["source", "match", "filter", "label"];

/**
 * The root with what stands in `<worker>` sections behind its own children. All workers' sections are taken: with one
 * process there is nobody else to run them.
 */
export function withoutWorkers(root: ConfigElement, workers: number, problems: Problems): ConfigElement {
  const sections = root.childrenNamed("worker");
  if (sections.length === 0) return root;
  const used = new Set<number>();
  for (const section of sections) checkWorkerIds(section, workers, used, problems);
  const own = root.children.filter((child) => child.name !== "worker");
  const children = [...own, ...sections.flatMap((section) => section.children.filter(isDirective))];
  return new ConfigElement(root.name, root.argument, root.position, root.parameters, children);
}

const isDirective = (element: ConfigElement) => DIRECTIVES.includes(element.name);

function checkWorkerIds(section: ConfigElement, workers: number, used: Set<number>, problems: Problems): void {
  const problem = workerIdProblem(section.argument, workers, used);
  if (problem) problems.error(problem, section.position);
  for (const child of section.children.filter((element) => !isDirective(element))) {
    problems.error(`<worker> section cannot have <${child.name}> directive`, child.position);
  }
}

function workerIdProblem(argument: string, workers: number, used: Set<number>): string | undefined {
  if (argument === "") return "Missing worker id on <worker> directive";
  const range = argument.split("-");
  const first = Number.parseInt(range[0] as string, 10);
  const last = Number.parseInt(range.at(-1) as string, 10);
  if (!(first <= last)) return `<worker ${argument}>: write <worker N> or <worker N-M>, the smaller number first`;
  for (let id = first; id <= last; id++) {
    if (id < 0 || id >= workers) {
      const available = `Available worker id is between 0 and ${workers - 1}`;
      return `worker id ${id} specified by <worker> directive is not allowed. ${available}`;
    }
    if (used.has(id) && range.length === 2) {
      return `specified worker_id<${id}> collisions is detected on <worker> directive.`;
    }
    used.add(id);
  }
  return undefined;
}
