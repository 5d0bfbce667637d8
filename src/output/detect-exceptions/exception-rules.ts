/**
 * What stack traces look like: from each state, the patterns that lead on, in the order in which they are tried.
 * Source: the behaviour of fluent-plugin-detect-exceptions 0.0.16.
 */

import { rubyRegexp } from "../../config/ruby/regexp.ts";

/** A line that matches `pattern` leads from the state `from` to the state `to`. */
export interface ExceptionRule {
  readonly from: string;
  readonly pattern: RegExp;
  readonly to: string;
}

/** Between traces. */
export const START = "start";

type Row = readonly [from: string, pattern: string, to: string];

const JAVA: readonly Row[] = [
  ["start nested", "(?:Exception|Error|Throwable|V8 errors stack trace)[:\\r\\n]", "exception"],
  ["exception", "^[\\t ]*nested exception is:[\\t ]*", "nested"],
  ["exception", "^[\\r\\n]*$", "exception"],
  ["exception frames", "^[\\t ]+(?:eval )?at ", "frames"],
  ["exception frames", "^[\\t ]+--- End of inner exception stack trace ---$", "frames"],
  ["exception frames", "^--- End of stack trace from previous location where exception was thrown ---$", "frames"],
  ["exception frames", "^[\\t ]*(?:Caused by|Suppressed):", "exception"],
  ["exception frames", "^[\\t ]*... \\d+ (?:more|common frames omitted)", "frames"],
];

const PYTHON: readonly Row[] = [
  ["start", "^Traceback \\(most recent call last\\):$", "frames"],
  ["frames", "^[\\t ]+File ", "code"],
  ["code", "[^\\t ]", "frames"],
  ["frames", "^(?:[^\\s.():]+\\.)*[^\\s.():]+:", "start"],
];

const PHP: readonly Row[] = [
  ["start", "(?:PHP (?:Notice|Parse error|Fatal error|Warning):)|(?:exception '[^']+' with message ')", "begin"],
  ["begin", "^Stack trace:", "frames"],
  ["frames", "^#\\d", "frames"],
  ["frames", "^\\s+thrown in ", "start"],
];

const GO: readonly Row[] = [
  ["start", "\\bpanic: ", "panic"],
  ["start", "http: panic serving", "goroutine"],
  ["panic", "^$", "goroutine"],
  ["panic signal frame", "^$", "goroutine"],
  ["panic", "^\\[signal ", "signal"],
  ["goroutine", "^goroutine \\d+ \\[[^\\]]+\\]:$", "frame"],
  ["frame", "^(?:[^\\s.:]+\\.)*[^\\s.():]+\\(|^created by ", "place"],
  ["place", "^\\s", "frame"],
];

const RUBY: readonly Row[] = [
  ["start", "Error \\(.*\\):$", "rails"],
  ["rails", "^  $", "frames"],
  ["rails", "^[\\t ]+.*?\\.rb:\\d+:in `", "frames"],
  ["frames", "^[\\t ]+.*?\\.rb:\\d+:in `", "frames"],
];

const DART_BEGINNINGS = ["Instance of", "Exception", "Bad state", "IntegerDivisionByZeroException", "Invalid argument", "RangeError", "Assertion failed", "Cannot instantiate", "Reading static variable", "UnimplementedError", "Unsupported operation", "Concurrent modification", "Out of Memory", "Stack Overflow"]; // biome-ignore format: a list
const DART_FRAME = "^#\\d+\\s+.+?\\(.+?\\)$";

const DART: readonly Row[] = [
  ["start", "^Unhandled exception:$", "exception"],
  ...DART_BEGINNINGS.map((beginning): Row => ["exception", `^${beginning}`, "frames"]),
  ["exception", "^'.+?':.+?$", "type1"],
  ["type1", DART_FRAME, "frames"],
  ["type1", "^.+?$", "type2"],
  ["type2", "^.*?\\^.*?$", "type3"],
  ["type3", "^$", "type4"],
  ["type4", "^$", "frames"],
  ["exception", "^FormatException", "format1"],
  ["format1", DART_FRAME, "frames"],
  ["format1", "^.", "format2"],
  ["format2", "^.*?\\^", "format3"],
  ["format3", "^$", "frames"],
  ["exception", "^NoSuchMethodError:", "method1"],
  ["method1", "^Receiver:", "method2"],
  ["method2", "^Tried calling:", "method3"],
  ["method3", "^Found:", "frames"],
  ["method3", DART_FRAME, "frames"],
  ["frames", DART_FRAME, "frames"],
  ["frames", "^<asynchronous suspension>$", "frames"],
];

const java = rules("java", JAVA);
const python = rules("python", PYTHON);
const php = rules("php", PHP);
const go = rules("go", GO);
const ruby = rules("ruby", RUBY);
const dart = rules("dart", DART);
const all = [...java, ...python, ...php, ...go, ...ruby, ...dart];

const BY_LANGUAGE: Readonly<Record<string, readonly ExceptionRule[]>> = { java, javascript: java, js: java, csharp: java, py: python, python, php, go, rb: ruby, ruby, dart, all }; // biome-ignore format: a table

export const LANGUAGES: readonly string[] = Object.keys(BY_LANGUAGE);

export const isLanguage = (name: string): boolean => Object.hasOwn(BY_LANGUAGE, name);

/** The rules of these languages, of all where none is named, by the state that they lead on from. */
export function rulesByState(languages: readonly string[]): ReadonlyMap<string, readonly ExceptionRule[]> {
  const chosen = new Set((languages.length > 0 ? languages : ["all"]).flatMap((name) => BY_LANGUAGE[name.toLowerCase()] ?? [])); // biome-ignore format: one chain
  const states = new Map<string, ExceptionRule[]>();
  for (const rule of chosen) states.set(rule.from, [...(states.get(rule.from) ?? []), rule]);
  return states;
}

/** States of one language do not meet those of another, but for the start. */
function rules(language: string, rows: readonly Row[]): ExceptionRule[] {
  const state = (name: string) => (name === START ? START : `${language} ${name}`);
  return rows.flatMap(([from, pattern, to]) => {
    const compiled = rubyRegexp(pattern);
    return from.split(" ").map((name) => ({ from: state(name), pattern: compiled, to: state(to) }));
  });
}
