/** A configuration as text again, for logs and `/api/config.getDump`: fluentd's `<ROOT>` form, secrets masked. */

import type { ConfigElement, ConfigParameter } from "./element.ts";
import { compactJson } from "./json-literal.ts";

/** Whether the value of `key` is a secret. `sections` names the sections from the outermost to the parameter's own. */
export type IsSecret = (sections: readonly ConfigElement[], key: string) => boolean;

/**
 * The text of `root`, every section indented by two blanks more. Reading it back gives the same tree, but for the
 * secrets: values that would not survive as they are stand in quotes. Source: fluentd 1.18 config/element.rb `to_s`.
 */
export function dumpConfig(root: ConfigElement, isSecret: IsSecret): string {
  return dumpElement(root, [root], isSecret);
}

function dumpElement(element: ConfigElement, path: readonly ConfigElement[], isSecret: IsSecret): string {
  const indent = "  ".repeat(path.length - 1);
  const argument = element.argument === "" ? "" : ` ${quoteIfNeeded(element.argument, /[>\n\r]|^#|^["']|^\s|\s$|\s#/)}`;
  let text = `${indent}<${element.name}${argument}>\n`;
  for (const parameter of element.parameters) {
    const value = isSecret(path, parameter.key) ? "xxxxxx" : dumpValue(parameter);
    text += `${indent}  ${dumpKey(parameter.key)} ${value}\n`;
  }
  for (const child of element.children) text += dumpElement(child, [...path, child], isSecret);
  return `${text}${indent}</${element.name}>\n`;
}

function dumpKey(key: string): string {
  return quoteIfNeeded(key, /^$|\s|^["'#<]/);
}

function dumpValue({ value, special }: ConfigParameter): string {
  if (special) return `"#{use_${special}}"`;
  if (/^[[{]/.test(value)) return compactJson(value) === value && !value.includes("#{") ? value : quote(value);
  return quoteIfNeeded(value, /^$|[\n\r]|^["'#]|^[ \t]|[ \t]$|[ \t]#|#\{/);
}

function quoteIfNeeded(text: string, needed: RegExp): string {
  return needed.test(text) ? quote(text) : text;
}

const ESCAPES: Record<string, string> = { "\n": "n", "\r": "r", "\t": "t", "\f": "f", "\b": "b", "\0": "0" };

function quote(text: string): string {
  const body = text.replace(/["\\\n\r\t\f\x08\0]|#(?=\{)/g, (sign) => `\\${ESCAPES[sign] ?? sign}`);
  return `"${body}"`;
}
