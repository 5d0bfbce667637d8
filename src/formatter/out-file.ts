/** `@type out_file`: time, tag and JSON, separated by tabs. Source: fluentd 1.18 formatter_out_file.rb. */

import { bool, enumeration } from "../config/literals.ts";
import { type ConfigOf, parameterType, section } from "../config/parameters.ts";
import { writeJsonAt } from "../event/json.ts";
import { nanosecondsAt, secondsAt } from "../event/time-at.ts";
import type { FormatterDefinition } from "./formatter.ts";
import { newlineParameter, newlineText } from "./newline.ts";
import { timeParameters, timeText } from "./time-text.ts";

const delimiter = parameterType<string>("delimiter", (text) => {
  if (/SPACE/i.test(text)) return " ";
  return /COMMA/i.test(text) ? "," : "\t";
});

const table = section({
  output_time: bool.default("Write the time.", true),
  output_tag: bool.default("Write the tag.", true),
  delimiter: delimiter.default("SPACE, COMMA, or anything else for a tab.", "\t"),
  time_type: enumeration("string", "unixtime", "float").default("How the time is written.", "string"),
  ...timeParameters,
  ...newlineParameter,
});

export const outFileFormatter: FormatterDefinition<ConfigOf<typeof table>> = {
  type: "out_file",
  table,
  create(config) {
    const { outputTime, outputTag, delimiter } = config;
    const newline = newlineText(config);
    const text = { string: () => timeText(config), unixtime: () => String, float: () => floatTimeText }[
      config.timeType
    ]();
    /** What stands before the record, for the time and the tag of the event before. */
    let head: Buffer | undefined;
    let [lastTime, lastTag] = ["", ""];
    return {
      write(target, tag, packed, timeStart, recordStart) {
        const time = outputTime
          ? text(secondsAt(packed, timeStart, recordStart), nanosecondsAt(packed, timeStart))
          : "";
        if (!head || time !== lastTime || tag !== lastTag) {
          head = Buffer.from((outputTime ? time + delimiter : "") + (outputTag ? tag + delimiter : ""));
          [lastTime, lastTag] = [time, tag];
        }
        target.copy(head);
        writeJsonAt(target, packed, recordStart);
        target.text(newline);
      },
    };
  },
};

/** Whole nanoseconds; fluentd 1.18 has a mistake here and writes zeros for every fraction below a tenth. */
function floatTimeText(seconds: number, nanoseconds: number): string {
  return `${seconds}.${nanoseconds === 0 ? "0" : String(nanoseconds).padStart(9, "0")}`;
}
