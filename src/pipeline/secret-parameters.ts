/** Which values never appear where a configuration is printed. */

import type { ConfigElement } from "../config/element.ts";
import type { SectionTable } from "../config/parameters.ts";
import type { PluginDefinition } from "../plugin.ts";

/** Secrets by their names, so that those of plugins that Suiro does not have are masked too. */
const SECRET_NAME =
  /(^|_)(shared_key|password|passwd|passphrase|secret|secret_key|sec_key|token|access_key|license_key|api_?key)$/;

/** Sections that are a plugin by their own `@type`. */
const PLUGIN_SECTIONS = new Set(["source", "filter", "match", "store", "secondary"]);

/**
 * Tells whether the value of `key` is secret: by its name, or because the plugin's table says so. `sections` leads from
 * the root to the section that holds it. Source: fluentd 1.18 config/element.rb `secret_param?`.
 */
export function secretParameters(plugins: readonly PluginDefinition[]) {
  return (sections: readonly ConfigElement[], key: string): boolean => {
    if (SECRET_NAME.test(key)) return true;
    const plugin = sections.findLastIndex(({ name }) => PLUGIN_SECTIONS.has(name));
    const type = sections[plugin]?.text("@type");
    return plugins.some((definition) => {
      if (definition.type !== type) return false;
      let table: SectionTable<unknown> | undefined = definition.table;
      for (const { name } of sections.slice(plugin + 1)) {
        const use: SectionTable<unknown>["sections"][string] | undefined = table?.sections[name];
        table = use && "table" in use ? use.table : undefined;
      }
      return table?.parameters[key]?.secret === true;
    });
  };
}

/** The parameters of a plugin's section as they are written, secrets masked. */
export function shownParameters(element: ConfigElement, plugins: readonly PluginDefinition[]): Record<string, string> {
  const isSecret = secretParameters(plugins);
  return Object.fromEntries(
    element.parameters.map(({ key, value }) => [key, isSecret([element], key) ? "xxxxxx" : value]),
  );
}
