/**
 * `@type rewrite_tag_filter`: sends events on under a tag that their fields decide. What no rule matches, and what
 * would keep its tag, is dropped. Source: fluent-plugin-rewrite-tag-filter 2.4; COMPAT 6.4.
 */

import { execSync } from "node:child_process";
import { hostname as machineName } from "node:os";
import { bool, enumeration, regexp, string } from "../config/literals.ts";
import { type ConfigOf, many, section } from "../config/parameters.ts";
import { ConfigError, MalformedError } from "../errors.ts";
import type { EventStream } from "../event/event-stream.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import type { FieldPath } from "../event/record-reader.ts";
import { MatchedField } from "../formatter/field-text.ts";
import type { Emitter, OutputDefinition, PluginContext } from "../plugin.ts";

const ruleTable = section({
  key: string.required("Field to look at; an accessor such as $.a.b works."),
  pattern: regexp.required("Regular expression for the field's text."),
  tag: string.required("The new tag; $1 to $9, ${tag}, ${tag_parts[0]}, ${hostname} are filled in."),
  label: string.optional("Label that takes the events instead of the plugin's own level."),
  invert: bool.default("Whether the rule holds where the pattern does not match.", false),
});

const table = section(
  {
    capitalize_regex_backreference: bool.default("Whether $1 to $9 get an upper-case first letter.", false),
    remove_tag_prefix: string.optional("What ${tag} and ${tag_parts[n]} leave out at the start, with its dot."),
    remove_tag_regexp: regexp.optional("What ${tag} and ${tag_parts[n]} leave out."),
    hostname_command: string.default("Command whose output ${hostname} is.", "hostname"),
    emit_mode: enumeration("record", "batch").default("Whether events of one new tag go on together.", "batch"),
  },
  { rule: many(ruleTable) },
);

type Config = ConfigOf<typeof table>;

interface Rule extends Omit<ConfigOf<typeof ruleTable>, "key"> {
  readonly path: FieldPath;
}

/** Events for one emitter and tag, in order: copies of their bounds, not of their bytes. */
interface Batch {
  readonly emitter: Emitter;
  readonly tag: string;
  readonly parts: Buffer[];
}

export const rewriteTagFilterOutput: OutputDefinition<Config> = {
  type: "rewrite_tag_filter",
  kind: "output",
  passesOn: true,
  table,
  create(config, context) {
    const rules = rulesOf(config);
    const rewriter = new TagRewriter(config, rules, context);
    const emitters = new Map<string, Emitter>();
    const emitterOf = (label: string | undefined): Emitter => {
      if (!label) return context.emitter;
      const known = emitters.get(label) ?? context.labelEmitter(label);
      emitters.set(label, known);
      return known;
    };
    for (const { label } of rules) emitterOf(label);
    return {
      async start() {
        rewriter.start();
      },
      /** No batch waits for the one before: those of one output are written, and synced, together. */
      async emit(tag, events, origin) {
        const batches = rewriter.batches(tag, events, emitterOf);
        const rewritten = batches.reduce((sum, { parts }) => sum + parts.length, 0);
        origin?.ledger?.book("dropped/tag_not_rewritten", events.size - rewritten);
        if (batches.length === 0) return events.release();
        const shares = events.shares(batches.length);
        const emits = batches.map(({ emitter, tag: newTag, parts }, index) => {
          const stream = (shares[index] as EventStream).joined(parts, parts.length);
          return emitter.emit(newTag, stream, origin?.part(index, batches.length));
        });
        const results = await Promise.allSettled(emits);
        const refused = results.flatMap((result, index) => {
          return result.status === "rejected" ? [{ size: batches[index]?.parts.length ?? 0, why: result.reason }] : [];
        });
        const [first] = refused;
        if (!first) return;
        const refusedEvents = refused.reduce((sum, { size }) => sum + size, 0);
        origin?.ledger?.book("untold", events.size - refusedEvents);
        throw first.why;
      },
      async stop() {},
    };
  },
};

function rulesOf(config: Config): Rule[] {
  const { element } = config;
  if (element.parameters.some(({ key }) => key.startsWith("rewriterule"))) {
    throw new ConfigError('"rewriterule<num>" support has been dropped. Use <rule> section instead.', element.position);
  }
  if (config.rule.length === 0) throw new ConfigError("missing rewriterules", element.position);
  if (config.removeTagPrefix !== undefined && config.removeTagRegexp) {
    throw new ConfigError("remove_tag_prefix and remove_tag_regexp are exclusive", element.position);
  }
  const seen = new Set<string>();
  return config.rule.map((rule) => {
    const { position } = rule.element;
    // The plugin refuses only tags with both forms; one alone is an unknown placeholder.
    if (/\$\{tag_parts\[\d\.\.\.?\d\]\}/.test(rule.tag) && /__TAG_PARTS\[\d\.\.\.?\d\]__/.test(rule.tag)) {
      throw new ConfigError(
        "${tag_parts[n]} and __TAG_PARTS[n]__ placeholder does not support range specify",
        position,
      );
    }
    const name = `${rule.key}${rule.invert ? "!" : ""}${rule.pattern}`;
    if (seen.has(name)) throw new ConfigError(`duplicated rewriterules found: ${rule.key} ${rule.pattern}`, position);
    seen.add(name);
    return { ...rule, path: recordAccessor(rule.key, position) };
  });
}

const PLACEHOLDER = /(\$\d+)|(\$\{[a-z_]+(?:\[[0-9]+\])?\}|__TAG_PARTS\[[0-9]+\]__|__[A-Z_]+?__)/g;

class TagRewriter {
  readonly #rules: readonly Rule[];
  readonly #config: Config;
  readonly #context: PluginContext;
  #hostname = "";

  constructor(config: Config, rules: readonly Rule[], context: PluginContext) {
    this.#config = config;
    this.#rules = rules;
    this.#context = context;
  }

  /** Asks for the host's name. Throws ConfigError. */
  start(): void {
    this.#hostname = commandOutput(this.#config);
  }

  /** The events by where they go; in mode `record` each alone. */
  batches(tag: string, events: EventStream, emitterOf: (label: string | undefined) => Emitter): Batch[] {
    const placeholders = this.#placeholders(tag);
    const batches = new Map<string | number, Batch>();
    let dropped = 0;
    for (const { start, recordStart, end } of events.entries()) {
      const rewritten = this.#rewrite(events.packed, recordStart, tag, placeholders);
      if (!rewritten || (rewritten.tag === tag && rewritten.label === undefined)) {
        dropped += 1;
        continue;
      }
      const key = this.#config.emitMode === "batch" ? JSON.stringify([rewritten.label, rewritten.tag]) : batches.size;
      let batch = batches.get(key);
      if (!batch) {
        batch = { emitter: emitterOf(rewritten.label), tag: rewritten.tag, parts: [] };
        batches.set(key, batch);
      }
      batch.parts.push(events.packed.subarray(start, end));
    }
    if (dropped > 0) this.#context.counters.add("dropped_events", dropped, "tag_not_rewritten");
    return [...batches.values()];
  }

  #rewrite(packed: Buffer, recordStart: number, tag: string, placeholders: ReadonlyMap<string, string>) {
    for (const rule of this.#rules) {
      const groups = this.#groups(packed, recordStart, rule);
      if (!groups) continue;
      return { tag: this.#expand(rule.tag, rule.invert ? null : groups, placeholders, tag), label: rule.label };
    }
    return undefined;
  }

  /** What the rule's pattern found, nothing for an inverted rule; undefined where the rule does not hold. */
  #groups(packed: Buffer, recordStart: number, { path, pattern, invert }: Rule): readonly string[] | undefined {
    try {
      const field = new MatchedField(packed, recordStart, path);
      if (field.text === "" && !invert) return undefined;
      const match = field.match(pattern);
      if ((match !== null) === invert) return undefined;
      return Array.from(match ?? [], (group) => field.shown(group ?? ""));
    } catch (error) {
      if (error instanceof MalformedError) return undefined;
      throw error;
    }
  }

  #expand(template: string, groups: readonly string[] | null, placeholders: ReadonlyMap<string, string>, tag: string) {
    return template.replace(PLACEHOLDER, (found, reference?: string) => {
      if (reference !== undefined) return groups ? this.#group(groups, Number(reference.slice(1))) : reference;
      const value = placeholders.get(found);
      if (value === undefined) {
        this.#context.logger.warn("rewrite_tag_filter: unknown placeholder found.", {
          placeholder: found,
          tag,
          rewritetag: template,
        });
      }
      return value ?? "";
    });
  }

  #group(groups: readonly string[], number: number): string {
    const text = (number > 0 ? groups[number] : undefined) ?? "";
    if (!this.#config.capitalizeRegexBackreference) return text;
    return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
  }

  #placeholders(tag: string): ReadonlyMap<string, string> {
    const shown = this.#shownTag(tag);
    const values = new Map([
      ["__HOSTNAME__", this.#hostname],
      ["${hostname}", this.#hostname],
      ["__TAG__", shown],
      ["${tag}", shown],
    ]);
    for (const [index, part] of shown.split(".").entries()) {
      values.set(`\${tag_parts[${index}]}`, part);
      values.set(`__TAG_PARTS[${index}]__`, part);
    }
    return values;
  }

  #shownTag(tag: string): string {
    const { removeTagPrefix, removeTagRegexp } = this.#config;
    if (removeTagRegexp) return tag.replace(removeTagRegexp, "");
    if (removeTagPrefix === undefined || !tag.startsWith(removeTagPrefix)) return tag;
    return tag.slice(removeTagPrefix.length).replace(/^\./, "");
  }
}

/** The host's name. Any other command than `hostname` is run once, at the start, as fluentd does. */
function commandOutput(config: Config): string {
  if (config.hostnameCommand === "hostname") return machineName();
  try {
    return execSync(config.hostnameCommand, { encoding: "utf8", timeout: 10_000 }).replace(/\r?\n$/, "");
  } catch (cause) {
    const position = config.element.parameter("hostname_command")?.position;
    throw new ConfigError(`hostname_command failed: ${(cause as Error).message}`, position, { cause });
  }
}
