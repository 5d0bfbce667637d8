/** Reads the text that Prometheus scrapes, for comparisons. */

export interface ScrapedFamily {
  readonly type: string;
  readonly help: string;
  /** Values by name and labels, the labels in the order of their names. */
  readonly values: Record<string, number>;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** Families by name. Throws where a line is none of the format, or a sample has no family above it. */
export function parsePrometheus(text: string): Record<string, ScrapedFamily> {
  const found: Record<string, { type: string; help: string; values: Record<string, number> }> = {};
  const family = (name: string) => (found[name] ??= { type: "", help: "", values: {} });
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind !== undefined) {
      family(name)[kind === "HELP" ? "help" : "type"] = rest;
      current = name;
      continue;
    }
    const [, sample = "", labels = "", value = ""] = LINE.exec(line) ?? [];
    if (!sample.startsWith(current) || sample === "") throw new Error(`no line of the format: ${line}`);
    const shown = [...labels.matchAll(LABEL)].map(([, label, text]) => `${label}="${text}"`).sort();
    family(current).values[`${sample}{${shown.join(",")}}`] = Number(value);
  }
  return found;
}
