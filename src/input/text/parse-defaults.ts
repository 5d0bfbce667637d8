import { ConfigElement, type ConfigParameter } from "../../config/element.ts";
import { flatParseSection } from "../../parser/flat-parameters.ts";

/**
 * The section with `<parse>` as an input wants it: where it, or the older keys beside it, leave something out,
 * `defaults` have it.
 */
export function withParseDefaults(section: ConfigElement, defaults: Readonly<Record<string, string>>): ConfigElement {
  const [first, ...more] = section.childrenNamed("parse");
  const given = first ?? flatParseSection(section);
  const { position } = given ?? section;
  const added = Object.entries(defaults)
    .filter(([key]) => given?.parameter(key) === undefined)
    .map(([key, value]): ConfigParameter => ({ key, value, position }));
  const parse = new ConfigElement("parse", "", position, [...added, ...(given?.parameters ?? [])], given?.children);
  parse.isStrict = section.isStrict;
  const others = section.children.filter((child) => child.name !== "parse");
  return new ConfigElement(section.name, section.argument, section.position, section.parameters, [
    ...others,
    parse,
    ...more,
  ]);
}
