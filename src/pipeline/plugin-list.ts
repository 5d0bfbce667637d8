/** The plugins that a configuration uses, found by kind and `@type`. */

import type { ConfigElement } from "../config/element.ts";
import { nearest } from "../config/nearest.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import type {
  BufferedOutputDefinition,
  FilterDefinition,
  InputDefinition,
  OutputDefinition,
  PluginDefinition,
} from "../plugin.ts";
import { absentPlugin, absentTypes } from "./absent-plugin.ts";
import { CATALOGUE, type PluginRole } from "./plugin-catalogue.ts";

type OutputKind = OutputDefinition<any> | BufferedOutputDefinition<any>;

export class PluginList {
  /** Of one type both an output with and one without a buffer may be there. */
  readonly definitions: readonly PluginDefinition[];

  /** For tests and embedders with plugins of their own; others load what the catalogue has. */
  constructor(definitions: readonly PluginDefinition[]) {
    this.definitions = definitions;
  }

  /** Those of the catalogue with a wanted type; all without `types`. */
  static async load(types?: ReadonlySet<string>): Promise<PluginList> {
    const wanted = CATALOGUE.filter(({ type }) => types?.has(type) ?? true);
    const loaded = await Promise.all(wanted.map(({ load }) => load()));
    return new PluginList([...new Set(loaded.flat())]);
  }

  /** All that the configuration names, wherever it stands. Types that nobody has are found out when they are asked for. */
  static for(root: ConfigElement): Promise<PluginList> {
    const types = new Set<string>();
    const note = (element: ConfigElement) => {
      for (const key of ["@type", "type"]) {
        const type = element.text(key);
        if (type !== undefined) types.add(type);
      }
      // A buffer's `@type file` is no output.
      for (const child of element.children) if (child.name !== "buffer") note(child);
    };
    note(root);
    return PluginList.load(types);
  }

  /** Throws ConfigError. */
  input(type: string, position: SourcePosition): InputDefinition<any> {
    const found = this.#of("input", type)[0];
    return (found as InputDefinition<any> | undefined) ?? this.#unknown("input", type, position);
  }

  /** Throws ConfigError. */
  filter(type: string, position: SourcePosition): FilterDefinition<any> {
    const found = this.#of("filter", type)[0];
    return (found as FilterDefinition<any> | undefined) ?? this.#unknown("filter", type, position);
  }

  /** Where a type is there with and without a buffer, `wantsBuffer` chooses. Throws ConfigError. */
  output(type: string, wantsBuffer: boolean, position: SourcePosition): OutputKind {
    const found = this.#of("output", type) as OutputKind[];
    const wanted = found.find(({ kind }) => (kind === "buffered-output") === wantsBuffer);
    return wanted ?? found[0] ?? this.#unknown("output", type, position);
  }

  #of(role: PluginRole, type: string): PluginDefinition[] {
    return this.definitions.filter((definition) => definition.type === type && roleOf(definition) === role);
  }

  #unknown(role: PluginRole, type: string, position: SourcePosition): never {
    const own = this.definitions.filter((definition) => roleOf(definition) === role);
    const catalogued = CATALOGUE.filter((plugin) => plugin.role === role);
    const types = [...new Set([...own, ...catalogued].map((plugin) => plugin.type))].sort();
    const absent = absentPlugin(role, type);
    if (absent) {
      const whose = absent.gem === undefined ? "this plugin of fluentd" : absent.gem;
      const reason = `Suiro does not have ${whose}. Instead: ${absent.instead}.`;
      throw new ConfigError(`Unknown ${role} plugin '${type}': ${reason}`, position);
    }
    const hint = nearest(type, [...types, ...absentTypes(role)]);
    const advice = hint ? `Did you mean '${hint}'? ` : "";
    throw new ConfigError(`Unknown ${role} plugin '${type}'. ${advice}Suiro has ${types.join(", ")}.`, position);
  }
}

function roleOf(definition: PluginDefinition): PluginRole {
  return definition.kind === "buffered-output" ? "output" : definition.kind;
}
