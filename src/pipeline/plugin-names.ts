/** The names of the plugins of one configuration: each `@id` once, and made names for those without. */

import type { ConfigElement } from "../config/element.ts";
import type { Problems } from "../config/parameters.ts";

interface Named {
  readonly id: string;
  readonly hasGivenId: boolean;
  readonly element: ConfigElement;
}

export class PluginNames {
  readonly #problems: Problems;
  readonly #ids = new Map<string, ConfigElement>();
  #numbers = new Map<string, number>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** `forward_1`: readable in logs, and the same for the same configuration. */
  make(type: string): string {
    const number = (this.#numbers.get(type) ?? 0) + 1;
    this.#numbers.set(type, number);
    return `${type}_${number}`;
  }

  /** Notes a given `@id`; a second one is an error. */
  claim({ id, hasGivenId, element }: Named): void {
    if (!hasGivenId) return;
    const first = this.#ids.get(id);
    if (first) {
      const other = `${first.position.file}:${first.position.line}`;
      const message = `Duplicated plugin id \`${id}\`. Check whole configuration and fix it.`;
      this.#problems.error(`${message} The other one is at ${other}.`, element.position);
    }
    this.#ids.set(id, element);
  }

  /** Takes over names of the configuration before, in their order; false when one of them would be made anew. */
  takeOver(plugins: readonly Named[]): boolean {
    const numbers = new Map(this.#numbers);
    for (const { id, hasGivenId } of plugins) {
      if (hasGivenId) continue;
      const [, type = "", number] = /^(.*)_(\d+)$/.exec(id) ?? [];
      if ((numbers.get(type) ?? 0) + 1 !== Number(number)) return false;
      numbers.set(type, Number(number));
    }
    this.#numbers = numbers;
    for (const plugin of plugins) this.claim(plugin);
    return true;
  }
}
