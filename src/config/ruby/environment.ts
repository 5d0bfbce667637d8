/**
 * What embedded Ruby can reach: the names and constants of its environment, and nothing else. A configuration's
 * environment knows the process (`ENV`, `hostname`), files to read, and the time.
 */

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { isIP } from "node:net";
import { posix, resolve } from "node:path";
import type { SpecialValue } from "../element.ts";
import { formatText } from "./format.ts";
import { pairOf } from "./hash-methods.ts";
import { jsonText, jsonValue } from "./json.ts";
import { floatValue } from "./number-methods.ts";
import { socketConstant } from "./socket.ts";
import { bytesText, textBytes } from "./text.ts";
import { timeConstant } from "./time-methods.ts";
import {
  inspect,
  integerOf,
  isHash,
  isNumeric,
  numberOf,
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
      Time: timeConstant(options.now),
    },
  };
}

/** Functions that every environment may offer. */
export const kernelFunctions: Readonly<Record<string, RubyFunction>> = {
  Integer: ([value = null]) => {
    if (typeof value === "bigint") return value;
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
  format: ([template, ...values]) => formatText(textOf(template), values),
  sprintf: ([template, ...values]) => formatText(textOf(template), values),
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
        return jsonValue(JSON.parse(textOf(text)));
      } catch {
        throw new RubyError("JSON::ParserError", "the text is no JSON");
      }
    },
    generate: ([value = null]) => jsonText(value),
    dump: ([value = null]) => jsonText(value),
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
  Hash: new RubyObject("Hash", {
    "[]": ([source = null, ...rest]) => {
      if (isHash(source)) return new Map(source);
      if (rest.length === 0 && Array.isArray(source)) return new Map(source.map(pairOf));
      throw new RubyError("ArgumentError", "odd number of arguments for Hash");
    },
    new: () => new Map(),
  }),
  TrueClass: new RubyObject("TrueClass", {}),
  FalseClass: new RubyObject("FalseClass", {}),
  Regexp: new RubyObject("Regexp", {
    escape: ([text]) => textOf(text).replace(/[\\^$.*+?()[\]{}|\-#\s]/g, (sign) => ESCAPED[sign] ?? `\\${sign}`),
  }),
  Digest: new RubyObject("Digest", {}),
  "Digest::MD5": digestConstant("md5"),
  "Digest::SHA1": digestConstant("sha1"),
  "Digest::SHA256": digestConstant("sha256"),
  CGI: new RubyObject("CGI", {
    unescape: ([text]) => decodeForm(textOf(text)),
    escape: ([text]) => encodeURIComponent(textOf(text)).replace(/%20/g, "+"),
  }),
  URI: new RubyObject("URI", {
    decode_www_form_component: ([text]) => decodeForm(textOf(text)),
    encode_www_form_component: ([text]) => encodeURIComponent(textOf(text)).replace(/%20/g, "+"),
  }),
  NilClass: new RubyObject("NilClass", {}),
  StandardError: new RubyObject("StandardError", {}),
  RuntimeError: new RubyObject("RuntimeError", {}),
  ArgumentError: new RubyObject("ArgumentError", {}),
};

const ESCAPED: Record<string, string> = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\f": "\\f", "\v": "\\v", " ": "\\ " }; // biome-ignore format: a table

function digestConstant(algorithm: string): RubyObject {
  const digest = (text: RubyValue | undefined) => createHash(algorithm).update(textBytes(textOf(text)));
  return new RubyObject(`Digest::${algorithm.toUpperCase()}`, {
    hexdigest: ([text]) => digest(text).digest("hex"),
    base64digest: ([text]) => digest(text).digest("base64"),
  });
}

function decodeForm(text: string): string {
  const bytes = textBytes(text.replaceAll("+", " ")).toString("latin1");
  const decoded = bytes.replace(/%([\da-fA-F]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
  return bytesText(Buffer.from(decoded, "latin1"));
}

export function environmentVariables(environment: Readonly<Record<string, string | undefined>>): RubyObject {
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
    to_h: () => new Map(Object.entries(environment).map(([key, value]) => [key, value ?? null])),
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
