/** Runs one case on an agent of its own, and tells what is not as expected. */

import type { ConfigElement } from "../../config/element.ts";
import { nearest } from "../../config/nearest.ts";
import { ConfigError } from "../../errors.ts";
import { ByteWriter } from "../../event/byte-writer.ts";
import { EventStream } from "../../event/event-stream.ts";
import { EventTime } from "../../event/event-time.ts";
import { msgpackToJson } from "../../event/json.ts";
import { jsonToMsgpack } from "../../event/json-reader.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { ROOT_LABEL } from "../../pipeline/topology.ts";
import type { CaseInput, ExpectedEvent, TestCase } from "./case-file.ts";
import { differingPlaces } from "./differing-places.ts";
import { createIsolatedAgent, type IsolatedAgent, type KeptEvents } from "./isolated-agent.ts";
import { eventsOfLines } from "./source-lines.ts";

/** How long filters and outputs that gather events may take to hand them over at the end. */
const STOP_MS = 10_000;

/** What is wrong, one finding a line; none when the case holds. Throws ConfigError when it cannot be run. */
export async function runCase(
  root: ConfigElement,
  environment: Readonly<Record<string, string | undefined>>,
  subject: TestCase,
): Promise<string[]> {
  const told: string[] = [];
  const isolated = await createIsolatedAgent(root, environment, warningsInto(told));
  for (const output of Object.keys(subject.expect)) checkOutput(output, isolated, subject);
  await isolated.agent.start();
  try {
    for (const input of subject.input) await give(input, isolated, subject);
  } finally {
    await isolated.agent.stop(STOP_MS);
  }
  const wrong = Object.entries(subject.expect).flatMap(([output, expected]) =>
    differences(output, expected, eventsOf(isolated.outputs.get(output) ?? [])),
  );
  return wrong.length === 0 ? [] : [...wrong, ...told.map((warning) => `the agent said: ${warning}`)];
}

function checkOutput(output: string, { outputs }: IsolatedAgent, { file, line }: TestCase): void {
  if (outputs.has(output)) return;
  const names = [...outputs.keys()];
  const hint = nearest(output, names);
  const advice = hint ? `Did you mean '${hint}'?` : `There are ${names.join(", ") || "none"}.`;
  throw new ConfigError(`there is no output '${output}'. ${advice}`, { file, line });
}

async function give(input: CaseInput, { agent, sources }: IsolatedAgent, { file }: TestCase): Promise<void> {
  const position = { file, line: input.line };
  const source = input.source === undefined ? undefined : sources.get(input.source);
  if (input.source !== undefined && !source) {
    const hint = nearest(input.source, [...sources.keys()]);
    const advice = hint ? `Did you mean '${hint}'?` : `There are ${[...sources.keys()].join(", ") || "none"}.`;
    throw new ConfigError(`there is no source '${input.source}'. ${advice}`, position);
  }
  if (input.lines !== undefined) {
    if (!source) throw new ConfigError("lines need a 'source'", position);
    const { tag, events } = eventsOfLines(source, input.lines.map(String), input.path);
    if (events.size > 0) await source.emitter.emit(tag, events);
    return;
  }
  const { tag, record } = input;
  if (tag === undefined || record === undefined) throw new ConfigError("an event needs 'tag' and 'record'", position);
  const level = agent.topology.levels.get(input.label ?? ROOT_LABEL);
  if (!level) throw new ConfigError(`there is no <label ${input.label}>`, position);
  const emitter = source?.emitter ?? level.emitter;
  await emitter.emit(tag, eventOf(record, timeOf(input.time, position)));
}

function eventOf(record: Record<string, unknown>, { seconds, nanoseconds }: EventTime): EventStream {
  const writer = new ByteWriter();
  writer.byte(0x92);
  writer.eventTime(seconds, nanoseconds);
  writer.copy(jsonToMsgpack(JSON.stringify(record)));
  return new EventStream(writer.take(), 1);
}

/** Seconds since 1970, or ISO 8601 with up to nine digits of a fraction; now where there is none. */
function timeOf(given: string | number | undefined, position: { file: string; line: number }): EventTime {
  if (given === undefined) return EventTime.fromMilliseconds(Date.now());
  if (typeof given === "number") return EventTime.fromMilliseconds(given * 1000);
  const fraction = /\.(\d{1,9})/.exec(given)?.[1] ?? "";
  const milliseconds = Date.parse(given.replace(/\.\d+/, ""));
  if (Number.isNaN(milliseconds)) throw new ConfigError(`'${given}' is no time: write 2024-01-02T03:04:05Z`, position);
  return new EventTime(Math.floor(milliseconds / 1000), Number(fraction.padEnd(9, "0")));
}

interface ShownEvent {
  readonly tag: string;
  readonly time: EventTime;
  readonly record: unknown;
}

function eventsOf(kept: readonly KeptEvents[]): ShownEvent[] {
  return kept.flatMap(({ tag, events }) =>
    [...events.events()].map(({ time }, index) => {
      const { recordStart, end } = [...events.entries()][index] as { recordStart: number; end: number };
      return { tag, time, record: JSON.parse(msgpackToJson(events.packed, recordStart, end)) };
    }),
  );
}

function differences(output: string, expected: readonly ExpectedEvent[], found: readonly ShownEvent[]): string[] {
  const wrong: string[] = [];
  if (expected.length !== found.length) {
    wrong.push(`${output} got ${found.length} ${found.length === 1 ? "event" : "events"}, not ${expected.length}`);
  }
  for (let index = 0; index < Math.max(expected.length, found.length); index++) {
    const [wanted, got] = [expected[index], found[index]];
    const places = wanted && got ? placesOf(wanted, got) : [];
    if (wanted && got && places.length === 0) continue;
    wrong.push(`${output}, event ${index + 1}:`);
    wrong.push(`  expected ${wanted ? JSON.stringify(wanted) : "nothing"}`);
    wrong.push(
      `  got      ${got ? JSON.stringify({ tag: got.tag, time: timeText(got.time), record: got.record }) : "nothing"}`,
    );
    if (places.length > 0) wrong.push(...places.map((place) => `  differs  ${place}`));
  }
  return wrong;
}

/** Where an event is not as expected; what is not asked for may be anything. */
function placesOf({ tag, time, record }: ExpectedEvent, got: ShownEvent): string[] {
  const wanted = time === undefined ? got.time : timeOf(time, { file: "", line: 0 });
  return [
    ...(tag === undefined ? [] : differingPlaces(tag, got.tag, "tag")),
    ...differingPlaces(timeText(wanted), timeText(got.time), "time"),
    ...(record === undefined ? [] : differingPlaces(record, got.record, "record")),
  ];
}

function timeText({ seconds, nanoseconds }: EventTime): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, "0")}Z`;
}

function warningsInto(told: string[]): Logger {
  const note = (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
    const detail = fields.error instanceof Error ? fields.error.message : fields.error;
    told.push(detail === undefined ? message : `${message} ${detail}`);
  };
  const logger: Logger = { ...silentLogger, warn: note, error: note, child: () => logger, isEnabled: () => true };
  return logger;
}
