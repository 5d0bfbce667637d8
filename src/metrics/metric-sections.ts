/**
 * `<metric>`, `<labels>` and `<initlabels>` of the filter and the output `prometheus`, and `<labels>` of the monitors.
 * Source: fluent-plugin-prometheus 2.3 prometheus.rb.
 */

import { bool, enumeration, integer, string, time } from "../config/literals.ts";
import { type ConfigOf, many, section } from "../config/parameters.ts";
import { ConfigError, type SourcePosition } from "../errors.ts";
import { recordAccessor } from "../event/record-accessor.ts";
import type { FieldPath } from "../event/record-reader.ts";
import { CATALOGUE } from "./catalogue.ts";
import type { MetricDefinition, MetricType } from "./exposition.ts";
import { type LabelSurroundings, type LabelTemplate, labelTemplate, type WorkerPlace } from "./label-template.ts";

const free = section({}, {}, { free: true });

const metricTable = section(
  {
    name: string.required("Name of the metric."),
    type: enumeration("counter", "gauge", "histogram", "summary").required("What kind of metric it is."),
    desc: string.required("What it means: the metric's HELP."),
    key: string.optional("Field whose number counts, also as $.a.b; a counter without it counts events."),
    buckets: string.optional("Upper bounds of a histogram, with commas between them."),
    initialized: bool.default("Show the metric before the first event, with the labels of <initlabels>.", false),
    max_series_per_metric: integer.optional("As the plugin's own, for this metric."),
  },
  { labels: many(free), initlabels: many(free) },
);

export const metricsParameters = {
  max_series_per_metric: integer.default(
    "Label sets that a metric may have; events that would bring more are not counted. 0 is no limit.",
    0,
  ),
  ignore_error_log_interval: time.default("Seconds in which the same warning is not logged again.", 3600),
};

export const metricsSections = { metric: many(metricTable), labels: many(free) };

export const metricsTable = section(metricsParameters, metricsSections);

export type MetricsConfig = ConfigOf<typeof metricsTable>;
type MetricConfig = ConfigOf<typeof metricTable>;

/** A `<metric>` section, understood. */
export interface MetricRule {
  readonly definition: MetricDefinition;
  /** Undefined: every event counts one. */
  readonly key: FieldPath | undefined;
  readonly labels: readonly LabelTemplate[];
  /** Label sets that are there from the start. */
  readonly initial: readonly (readonly string[])[];
  /** 0: none. */
  readonly maxSeries: number;
  readonly position: SourcePosition;
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that the client makes itself. */
const OWN_LABELS: Partial<Record<MetricType, string>> = { histogram: "le", summary: "quantile" };

/** Throws ConfigError. */
export function metricRules(config: MetricsConfig, around: LabelSurroundings): MetricRule[] {
  const shared = withWorker(labelTexts(config.labels, config.element.position), around.worker);
  const rules = config.metric.map((metric) => metricRule(metric, shared, config.maxSeriesPerMetric, around));
  const first = new Map<string, MetricDefinition>();
  for (const { definition, position } of rules) {
    const { name, type, help } = definition;
    const other = first.get(name) ?? definition;
    first.set(name, other);
    if (other.type !== type)
      throw new ConfigError(`${name} has already been registered as ${other.type} type`, position);
    if (other.help !== help) {
      throw new ConfigError(`${name} has already been registered with different docstring`, position);
    }
    if (other.labels.join() !== definition.labels.join()) {
      throw new ConfigError(
        `${name} stands twice with different labels: ${other.labels} and ${definition.labels}`,
        position,
      );
    }
  }
  return rules;
}

/** `<labels>` of a monitor, where nothing can be read from an event. Throws ConfigError. */
export function fixedLabels(
  sections: MetricsConfig["labels"],
  type: string,
  given: Omit<LabelSurroundings, "unknown">,
  position: SourcePosition,
): Record<string, string> {
  const around = { ...given, unknown: () => {} };
  return Object.fromEntries(
    [...withWorker(labelTexts(sections, position), around.worker)].map(([name, text]) => {
      const template = labelTemplate(text, around);
      if (template.isAccessor) throw new ConfigError(`record accessor syntax is not available in ${type}`, position);
      return [name, template.value({ tag: "", packed: EMPTY_RECORD, recordStart: 0 })];
    }),
  );
}

const EMPTY_RECORD = Buffer.from([0x80]);

function labelTexts(sections: MetricsConfig["labels"], position: SourcePosition): Map<string, string> {
  if (sections.length > 1) throw new ConfigError("labels section must have at most 1", sections[1]?.element.position);
  const texts = new Map(sections[0]?.extra);
  for (const name of texts.keys()) {
    if (LABEL_NAME.test(name)) continue;
    throw new ConfigError(`'${name}' cannot be a label: letters, digits and _ only, and not __ in front`, position);
  }
  return texts;
}

function withWorker(texts: Map<string, string>, worker: WorkerPlace): Map<string, string> {
  return worker.isOneOfSeveral ? texts.set("worker_id", String(worker.id)) : texts;
}

function metricRule(
  metric: MetricConfig,
  shared: ReadonlyMap<string, string>,
  maxSeries: number,
  around: LabelSurroundings,
): MetricRule {
  const { name, type, desc: help, key, element } = metric;
  const { position } = element;
  if (!METRIC_NAME.test(name)) throw new ConfigError(`'${name}' cannot be the name of a metric`, position);
  if (CATALOGUE.some((own) => own.name === name)) {
    throw new ConfigError(`'${name}' is a metric of Suiro's own: call it something else`, position);
  }
  if (key === undefined && type !== "counter") throw new ConfigError(`${type} metric requires 'key' option`, position);
  const texts = new Map([...shared, ...labelTexts(metric.labels, position)]);
  const own = OWN_LABELS[type];
  if (own !== undefined && texts.has(own))
    throw new ConfigError(`${type} metrics have a label ${own} already`, position);
  const labels = new Map([...texts].map(([label, text]) => [label, labelTemplate(text, around, position)]));
  const buckets =
    type === "histogram" && metric.buckets !== undefined ? bucketsOf(metric.buckets, position) : undefined;
  const rule = {
    definition: { name, type, help, labels: [...texts.keys()], ...(buckets && { buckets }) },
    key: key === undefined ? undefined : recordAccessor(key, position),
    labels: [...labels.values()],
    initial: metric.initialized ? initialLabels(metric, texts, labels) : [],
    maxSeries: metric.maxSeriesPerMetric ?? maxSeries,
    position,
  };
  if (rule.maxSeries > 0 && rule.initial.length > rule.maxSeries) {
    const held = `already holds ${rule.initial.length} label sets from <initlabels>`;
    throw new ConfigError(`metric ${name} ${held}, but max_series_per_metric is ${rule.maxSeries}`, position);
  }
  return rule;
}

/** Bounds with the text that Ruby shows for them: `5` stays `5`, `5.0` and, as the plugin reads it, `100` get a fraction. */
function bucketsOf(text: string, position: SourcePosition): Map<number, string> {
  const bounds = text.split(",").map((part): [number, string] => {
    const bound = part.trim();
    const isFloat = /^\d+.\d+$/.test(bound);
    const value = isFloat ? Number.parseFloat(bound) : Number.parseInt(bound, 10) || 0;
    return [value, isFloat && Number.isInteger(value) ? `${value}.0` : String(value)];
  });
  if (bounds.some(([bound], index) => index > 0 && bound <= (bounds[index - 1] as [number, string])[0])) {
    throw new ConfigError("Unsorted buckets, typo?", position);
  }
  return new Map(bounds);
}

function initialLabels(
  { name, initlabels }: MetricConfig,
  texts: ReadonlyMap<string, string>,
  labels: ReadonlyMap<string, LabelTemplate>,
): string[][] {
  const isOpen = (label: string) => {
    const text = texts.get(label) as string;
    return labels.get(label)?.isVariable === true && text !== "${hostname}" && text !== "${worker_id}";
  };
  const event = { tag: "", packed: EMPTY_RECORD, recordStart: 0 };
  const sets = initlabels.map(({ extra, element: { position } }) => {
    for (const [label, value] of extra) {
      if (!texts.has(label)) {
        throw new ConfigError(`Key ${label} in <initlabels> is non existent in <labels> for metric ${name}`, position);
      }
      if (/^\$[.[{]/.test(value)) {
        const what = `RecordAccessor or placeholder ${value} (key ${label})`;
        throw new ConfigError(`Cannot use ${what} in a <initlabels> in metric ${name}`, position);
      }
      if (!labels.get(label)?.isVariable) {
        const what = `non RecordAccessor/Placeholder key ${label} (value ${value})`;
        throw new ConfigError(`Cannot set <initlabels> on ${what} in metric ${name}`, position);
      }
      if (!isOpen(label)) {
        const what = `reserved placeholder ${texts.get(label)} for key ${label}`;
        throw new ConfigError(`Cannot set <initlabels> on ${what} in metric ${name}`, position);
      }
    }
    return [...labels].map(([label, template]) => {
      if (isOpen(label)) return missingOr(extra.get(label), label, texts, name, position);
      return template.value(event);
    });
  });
  if (sets.length > 0) return sets;
  return [
    [...labels].map(([label, template]) =>
      isOpen(label) ? missingOr(undefined, label, texts, name) : template.value(event),
    ),
  ];
}

function missingOr(
  value: string | undefined,
  label: string,
  texts: ReadonlyMap<string, string>,
  name: string,
  position?: SourcePosition,
): string {
  if (value !== undefined) return value;
  const what = `RecordAccessor/Placeholder key ${label} with value ${texts.get(label)}`;
  throw new ConfigError(`${what} has not been set in a <initlabels> for initialized metric ${name}`, position);
}

/** What every monitor takes. */
export const monitorParameters = {
  interval: time.default("Accepted; values are read when they are asked for.", 5),
};

export const monitorSections = { labels: many(free) };
