/**
 * What embedded Ruby can reach: the names and constants of its environment, and nothing else. A configuration's
 * environment knows the process (`ENV`, `hostname`), files to read, and the time.
 */

import { randomBytes, randomUUID } from "node:crypto";
import { isIP } from "node:net";
import { posix, resolve } from "node:path";
import type { SpecialValue } from "../element.ts";
import { floatValue } from "./number-methods.ts";
import { socketConstant } from "./socket.ts";
import { strftime } from "./strftime.ts";
import {
  inspect,
  integerOf,
  isNumeric,
  numberOf,
  plainValue,
  RubyError,
  type RubyFunction,
  RubyObject,
  type RubyValue,
  textOf,
  toText,
} from "./values.ts";

export interface RubyEnvironment {
  /** Names without a receiver, with or without parameters: `hostname`, `open(path)`. */
  readonly functions: Readonly<Record<string, RubyFunction>>;
  /** `ENV`, `File`. */
  readonly constants: Readonly<Record<string, RubyObject>>;
}

/** `use_nil` or `use_default` was evaluated: it ends the evaluation and stands for the whole value. */
export class SpecialValueSignal {
  readonly special: SpecialValue;

  constructor(special: SpecialValue) {
    this.special = special;
  }
}

export interface ConfigEnvironmentOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly workerId: string;
  /** The text of a file; throws the system's error. */
  readonly readFile: (path: string) => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The environment of `"#{…}"` in a configuration. Source: fluentd 1.18 config/literal_parser.rb. */
export function configEnvironment(options: ConfigEnvironmentOptions): RubyEnvironment {
  const special = (name: SpecialValue) => () => {
    throw new SpecialValueSignal(name);
  };
  const open: RubyFunction = ([path, mode], block) => {
    if (mode !== undefined && !/^r[bt]?(?::|$)/.test(textOf(mode))) {
      throw new RubyError("ArgumentError", "files can only be opened for reading");
    }
    const file = openFile(options, textOf(path));
    return block ? block(file) : file;
  };
  return {
    functions: {
      ...kernelFunctions,
      hostname: () => options.hostname,
      worker_id: () => options.workerId,
      use_nil: special("nil"),
      use_default: special("default"),
      open,
    },
    constants: {
      ...pureConstants,
      ENV: environmentVariables(options.environment),
      File: fileConstant(options, open),
      Dir: new RubyObject("Dir", { pwd: () => resolve("") }),
      IO: new RubyObject("IO", { read: ([path]) => readFile(options, textOf(path)) }),
      Socket: socketConstant(options.hostname),
      Time: new RubyObject("Time", {
        now: () => time(options.now(), false),
        at: ([seconds]) => time(secondsOf(seconds) * 1000, false),
      }),
    },
  };
}

/** Functions that every environment may offer. */
export const kernelFunctions: Readonly<Record<string, RubyFunction>> = {
  Integer: ([value = null]) => {
    if (isNumeric(value)) return Math.trunc(numberOf(value));
    const digits = typeof value === "string" ? value.trim().replace(/(?<=[\da-fA-F])_(?=[\da-fA-F])/g, "") : "";
    if (/^[+-]?(?:[1-9]\d*|0)$|^0[xX][\da-fA-F]+$|^0[bB][01]+$/.test(digits)) return Number(digits);
    if (/^0o?[0-7]+$/.test(digits)) return Number.parseInt(digits.replace("o", ""), 8);
    throw new RubyError("ArgumentError", `invalid value for Integer(): ${inspect(value)}`);
  },
  Float: ([value = null]) => {
    if (isNumeric(value)) return floatValue(numberOf(value));
    if (typeof value === "string" && /^\s*[+-]?\d[\d_]*(\.\d+)?([eE][+-]?\d+)?\s*$/.test(value)) {
      return floatValue(Number(value.replaceAll("_", "")));
    }
    throw new RubyError("ArgumentError", `invalid value for Float(): ${inspect(value)}`);
  },
  String: ([value = null]) => toText(value),
  Array: ([value = null]) => (value === null ? [] : Array.isArray(value) ? value : [value]),
  raise: ([first = null, second]) => {
    const isClass = first instanceof RubyObject;
    throw new RubyError(isClass ? first.className : "RuntimeError", toText(isClass ? (second ?? first) : first));
  },
  // Every library that an expression could ask for is there, or its names are reported as unknown.
  require: () => true,
};

/** Constants that touch nothing outside of the expression. */
export const pureConstants: Readonly<Record<string, RubyObject>> = {
  IPAddr: new RubyObject("IPAddr", { new: ([address]) => ipAddress(textOf(address)) }),
  SecureRandom: new RubyObject("SecureRandom", {
    hex: ([bytes = 16]) => randomBytes(Math.min(integerOf(bytes), 1024)).toString("hex"),
    uuid: () => randomUUID(),
  }),
  JSON: new RubyObject("JSON", {
    parse: ([text]) => {
      try {
        return JSON.parse(textOf(text)) as RubyValue;
      } catch {
        throw new RubyError("JSON::ParserError", "the text is no JSON");
      }
    },
    generate: ([value = null]) => JSON.stringify(plainValue(value)),
  }),
  Base64: new RubyObject("Base64", {
    strict_encode64: ([text]) => Buffer.from(textOf(text)).toString("base64"),
    strict_decode64: ([text]) => Buffer.from(textOf(text), "base64").toString(),
    decode64: ([text]) => Buffer.from(textOf(text), "base64").toString(),
  }),
  Integer: new RubyObject("Integer", {}),
  Float: new RubyObject("Float", {}),
  Numeric: new RubyObject("Numeric", {}),
  String: new RubyObject("String", {}),
  Array: new RubyObject("Array", {}),
  Hash: new RubyObject("Hash", {}),
  NilClass: new RubyObject("NilClass", {}),
  StandardError: new RubyObject("StandardError", {}),
  RuntimeError: new RubyObject("RuntimeError", {}),
  ArgumentError: new RubyObject("ArgumentError", {}),
};

function environmentVariables(environment: Readonly<Record<string, string | undefined>>): RubyObject {
  const get = (name: RubyValue | undefined) => {
    const key = textOf(name);
    return Object.hasOwn(environment, key) ? (environment[key] ?? null) : null;
  };
  const has: RubyFunction = ([name]) => get(name) !== null;
  return new RubyObject("ENV", {
    "[]": ([name]) => get(name),
    fetch: ([name, fallback], block) => {
      const value = get(name);
      if (value !== null) return value;
      if (block) return block(name ?? null);
      if (fallback !== undefined) return fallback;
      throw new RubyError("KeyError", `key not found: ${inspect(name ?? null)}`);
    },
    "key?": has,
    "has_key?": has,
    "include?": has,
    "member?": has,
    to_h: () => Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, value ?? null])),
  });
}

function fileConstant(options: ConfigEnvironmentOptions, open: RubyFunction): RubyObject {
  return new RubyObject("File", {
    open,
    new: open,
    read: ([path]) => readFile(options, textOf(path)),
    // Slashes where parts meet become one; slashes within a part stay.
    join: (parts) =>
      parts
        .flatMap((part) => (Array.isArray(part) ? part : [part]))
        .map(textOf)
        .reduce((path, part) => `${path.replace(/\/+$/, "")}/${part.replace(/^\/+/, "")}`),
    basename: ([path, suffix]) => {
      const name = posix.basename(textOf(path));
      return suffix === ".*"
        ? name.replace(/(?<=.)\.[^.]*$/, "")
        : posix.basename(name, suffix === undefined ? undefined : textOf(suffix));
    },
    expand_path: ([path, folder = ""]) => resolve(textOf(folder ?? ""), textOf(path)),
    dirname: ([path]) => posix.dirname(textOf(path)),
    extname: ([path]) => posix.extname(textOf(path)),
    "exist?": ([path]) => exists(options, textOf(path)),
    "file?": ([path]) => exists(options, textOf(path)),
  });
}

function openFile(options: ConfigEnvironmentOptions, path: string): RubyObject {
  const text = readFile(options, path);
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return new RubyObject("File", {
    read: () => text,
    gets: () => lines.shift() ?? null,
    readline: () => lines.shift() ?? null,
    readlines: () => lines,
    each_line: (_, block) => lines.map((line) => (block ? block(line) : line)),
    close: () => null,
  });
}

function readFile(options: ConfigEnvironmentOptions, path: string): string {
  try {
    return options.readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new RubyError("Errno::ENOENT", `No such file or directory @ rb_sysopen - ${path}`);
    throw new RubyError("IOError", (error as Error).message);
  }
}

function exists(options: ConfigEnvironmentOptions, path: string): boolean {
  try {
    options.readFile(path);
    return true;
  } catch {
    return false;
  }
}

function ipAddress(text: string): RubyObject {
  const address = text.replace(/\/\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  const family = isIP(address);
  if (family === 0) throw new RubyError("IPAddr::InvalidAddressError", `invalid address: ${text}`);
  return new RubyObject(
    "IPAddr",
    { "ipv4?": () => family === 4, "ipv6?": () => family === 6, to_s: () => address },
    address,
  );
}

/** A point in time, with millisecond precision. */
export function time(epochMs: number, isUtc: boolean): RubyObject {
  const utc = () => time(epochMs, true);
  const iso: RubyFunction = ([digits = 0]) => {
    const fraction = integerOf(digits) > 0 ? `.%${integerOf(digits)}N` : "";
    return strftime(`%Y-%m-%dT%H:%M:%S${fraction}${isUtc ? "Z" : "%:z"}`, epochMs, isUtc);
  };
  const field = (directive: string) => () => Number(strftime(directive, epochMs, isUtc));
  return new RubyObject(
    "Time",
    {
      strftime: ([format]) => strftime(textOf(format), epochMs, isUtc),
      utc,
      getutc: utc,
      gmtime: utc,
      localtime: () => time(epochMs, false),
      to_i: () => Math.floor(epochMs / 1000),
      to_f: () => floatValue(epochMs / 1000),
      year: field("%Y"),
      month: field("%m"),
      day: field("%d"),
      hour: field("%H"),
      min: field("%M"),
      sec: field("%S"),
      iso8601: iso,
      xmlschema: iso,
      "+": ([seconds]) => time(epochMs + secondsOf(seconds) * 1000, isUtc),
      "-": ([seconds]) => time(epochMs - secondsOf(seconds) * 1000, isUtc),
    },
    strftime(isUtc ? "%Y-%m-%d %H:%M:%S UTC" : "%Y-%m-%d %H:%M:%S %z", epochMs, isUtc),
  );
}

function secondsOf(value: RubyValue | undefined): number {
  if (value !== undefined && isNumeric(value)) return numberOf(value);
  throw new RubyError("TypeError", "a number of seconds is expected");
}
