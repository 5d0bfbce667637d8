/** Every formatter by its `@type`, and how an output gets the one that its `<format>` section asks for. */

import type { ConfigElement } from "../config/element.ts";
import { string } from "../config/literals.ts";
import { nearest } from "../config/nearest.ts";
import { type ConfigOf, optional, Problems, raw, readSection, section } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { timeFormat } from "../event/strftime.ts";
import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import type { Logger } from "../logger.ts";
import { csvFormatter } from "./csv.ts";
import { flatFormatSection } from "./flat-parameters.ts";
import type { Formatter, FormatterDefinition } from "./formatter.ts";
import { hashFormatter } from "./hash.ts";
import { injectTable } from "./inject.ts";
import { jsonFormatter } from "./json.ts";
import { ltsvFormatter } from "./ltsv.ts";
import { msgpackFormatter } from "./msgpack.ts";
import { outFileFormatter } from "./out-file.ts";
import { singleValueFormatter } from "./single-value.ts";
import { tsvFormatter } from "./tsv.ts";

const stdoutTable = section(
  {
    output_type: string.default("Formatter of the part behind time and tag; it reads this section too.", "json"),
    time_format: string.default("strftime format of the time.", "%Y-%m-%d %H:%M:%S.%N %z"),
  },
  {},
  { free: true },
);

/** `@type stdout`: local time, tag, and another formatter's line. Source: fluentd 1.18 formatter_stdout.rb. */
const stdoutFormatter: FormatterDefinition<ConfigOf<typeof stdoutTable>> = {
  type: "stdout",
  table: stdoutTable,
  create(config) {
    const time = timeFormat(config.timeFormat);
    const inner = endedByNewline(create(config.element, config.outputType, new Problems()));
    return {
      write(target, tag, packed, timeStart, recordStart, end) {
        const seconds = secondsAt(packed, timeStart, recordStart);
        target.text(`${time(seconds, nanosecondsAt(packed, timeStart))} ${tag}: `);
        inner.write(target, tag, packed, timeStart, recordStart, end);
      },
    };
  },
};

const FORMATTERS: ReadonlyMap<string, FormatterDefinition<any>> = new Map(
  [
    outFileFormatter,
    jsonFormatter,
    ltsvFormatter,
    csvFormatter,
    tsvFormatter,
    msgpackFormatter,
    hashFormatter,
    singleValueFormatter,
    stdoutFormatter,
  ].map((definition: FormatterDefinition<any>) => [definition.type, definition]),
);

export { flatFormatParameters as formatParameters } from "./flat-parameters.ts";

/** The sections of an output that formats; `createFormatter` reads `<format>` from the element. */
export const formatSections = { format: raw, inject: optional(injectTable) };

/**
 * The formatter that `<format>` in `owner` asks for, or the one of `defaultType`. The keys of fluentd 0.12 without a
 * section, `format json`, count where there is no section. Throws ConfigError with the first error; warnings are logged.
 */
export function createFormatter(owner: ConfigElement, defaultType: string, logger: Logger): Formatter {
  const [given, second] = owner.childrenNamed("format");
  if (second) {
    throw new ConfigError("'<format>' section cannot be written twice or more", second.position);
  }
  const element = given ?? flatFormatSection(owner);
  const problems = new Problems();
  const formatter = create(element, element.text("@type") ?? defaultType, problems);
  // Of older keys those that the formatter does not know are another's.
  if (given) for (const { message, position } of problems.warnings) logger.warn(message, { ...position });
  return formatter;
}

/** Ends whatever the formatter writes by exactly one newline. */
export function endedByNewline(formatter: Formatter): Formatter {
  return {
    write(target, tag, packed, timeStart, recordStart, end) {
      const before = target.length;
      formatter.write(target, tag, packed, timeStart, recordStart, end);
      const view = target.view();
      let length = view.length;
      if (length > before && view[length - 1] === 0x0a) length -= 1;
      if (length > before && view[length - 1] === 0x0d) length -= 1;
      target.truncate(length);
      target.byte(0x0a);
    },
  };
}

function create(element: ConfigElement, type: string, problems: Problems): Formatter {
  const definition = FORMATTERS.get(type);
  if (!definition) {
    const hint = nearest(type, [...FORMATTERS.keys()]);
    const advice = hint ? `Did you mean '${hint}'?` : `Suiro has ${[...FORMATTERS.keys()].join(", ")}.`;
    throw new ConfigError(`Unknown formatter plugin '${type}'. ${advice}`, element.position);
  }
  const config = readSection(definition.table, element, problems);
  if (problems.errors[0]) throw problems.errors[0];
  return definition.create(config);
}
