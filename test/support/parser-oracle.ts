/** Asks fluentd's own parsers and Suiro's what they make of the same texts. */

import { systemClock } from "../../src/clock.ts";
import type { ConfigElement } from "../../src/config/element.ts";
import { ConfigError, MalformedError } from "../../src/errors.ts";
import { ByteWriter } from "../../src/event/byte-writer.ts";
import { EventTime } from "../../src/event/event-time.ts";
import type { TextEncoding } from "../../src/parser/parser.ts";
import { createParser } from "../../src/parser/parser-list.ts";
import { MemoryLog } from "./memory-log.ts";
import { parsedElement } from "./parsed-config.ts";
import { askRuby } from "./ruby.ts";

/** A `<parse>` section's content, and texts. Texts are JavaScript strings, or bytes where they are no UTF-8. */
export interface ParserCase {
  readonly parse: string;
  readonly texts: readonly (string | Buffer)[];
  /** `binary` unless given. */
  readonly encoding?: TextEncoding;
}

/** One answer per text: `unmatched`, `failed`, or the events as text; one answer for a configuration that is refused. */
export type ParserAnswers = readonly string[] | "refused";

/** Answers of fluentd's parsers, in one Ruby process. */
export function fluentdAnswers(cases: readonly ParserCase[], timeZone = "UTC"): ParserAnswers[] {
  const input = cases.map(({ parse, texts, encoding = "binary" }) => ({
    parse: sectionText(parse),
    encoding,
    texts: texts.map((text) => Buffer.from(text as string).toString("hex")),
  }));
  return askRuby(ORACLE, input, timeZone) as ParserAnswers[];
}

/** Answers of Suiro's parsers. */
export function suiroAnswers(cases: readonly ParserCase[]): ParserAnswers[] {
  return cases.map(({ parse, texts, encoding = "binary" }) => {
    try {
      const parser = createParser(parsedElement(`<source>\n${sectionText(parse)}</source>\n`), {
        clock: systemClock,
        logger: new MemoryLog(),
        encoding,
      });
      return texts.map((text) => answer(parser, Buffer.from(text as string)));
    } catch (error) {
      if (error instanceof ConfigError) return "refused";
      throw error;
    }
  });
}

/** Where the two give different answers, each difference as text. */
export function differentAnswers(cases: readonly ParserCase[]): string[] {
  const expected = fluentdAnswers(cases);
  const found = suiroAnswers(cases);
  return cases.flatMap(({ parse, texts }, index) => {
    const [theirs, ours] = [expected[index], found[index]];
    if (typeof theirs === "string" || typeof ours === "string") {
      return theirs === ours ? [] : [`${parse}\n  fluentd: ${theirs}\n  Suiro:   ${ours}`];
    }
    return texts.flatMap((text, line) => {
      if (theirs?.[line] === ours?.[line]) return [];
      const shown = JSON.stringify(String(text)).slice(0, 200);
      return [`${parse}\n  text:    ${shown}\n  fluentd: ${theirs?.[line]}\n  Suiro:   ${ours?.[line]}`];
    });
  });
}

/** Section of a source with `<parse>` for tests of one parser. */
export function parseSection(parse: string): ConfigElement {
  return parsedElement(`<source>\n${sectionText(parse)}</source>\n`);
}

const sectionText = (parse: string) => `<parse>\n${parse.trim()}\n</parse>\n`;

function answer(parser: ReturnType<typeof createParser>, text: Buffer): string {
  const target = { writer: new ByteWriter(), size: 0 };
  const padded = Buffer.concat([Buffer.from("<"), text, Buffer.from(">")]);
  try {
    const matches = parser.parse(padded, 1, padded.length - 1, target);
    const events = describeEntries(target.writer.take());
    return matches ? events : `${events}unmatched`;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return target.writer.length > 0 ? "failed, but wrote" : "failed";
  }
}

function describeEntries(bytes: Buffer): string {
  const reader = new Describer(bytes);
  let text = "";
  while (reader.position < bytes.length) {
    reader.position += 1;
    text += `${reader.time()} ${reader.value()}\n`;
  }
  return text;
}

/** Values with their types, texts with a letter for each byte, `b` before binaries: nothing is lost on the way. */
class Describer {
  position = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  time(): string {
    const text = this.value();
    const match = /^t(\d+)\.(\d+)$/.exec(text);
    return match && Math.abs(Number(match[1]) - Date.now() / 1000) < 600 ? "now" : text;
  }

  value(): string {
    const type = this.#bytes[this.position++] as number;
    if (type < 0x80) return `i${type}`;
    if (type >= 0xe0) return `i${type - 256}`;
    if (type < 0x90) return this.#map(type & 15);
    if (type < 0xa0) return this.#array(type & 15);
    if (type < 0xc0) return this.#text(type & 31);
    switch (type) {
      case 0xc0:
        return "nil";
      case 0xc2:
        return "false";
      case 0xc3:
        return "true";
      case 0xcb:
        return `f${this.#take(8).toString("hex")}`;
      case 0xcc:
        return `i${this.#take(1).readUInt8()}`;
      case 0xcd:
        return `i${this.#take(2).readUInt16BE()}`;
      case 0xce:
        return `i${this.#take(4).readUInt32BE()}`;
      case 0xcf:
        return `i${this.#take(8).readBigUInt64BE()}`;
      case 0xd0:
        return `i${this.#take(1).readInt8()}`;
      case 0xd1:
        return `i${this.#take(2).readInt16BE()}`;
      case 0xd2:
        return `i${this.#take(4).readInt32BE()}`;
      case 0xd3:
        return `i${this.#take(8).readBigInt64BE()}`;
      case 0xd7: {
        const time = this.#take(9);
        const { seconds, nanoseconds } = new EventTime(time.readUInt32BE(1), time.readUInt32BE(5));
        return `t${seconds}.${nanoseconds}`;
      }
      case 0xc4:
        return `b${this.#text(this.#take(1).readUInt8())}`;
      case 0xc5:
        return `b${this.#text(this.#take(2).readUInt16BE())}`;
      case 0xc6:
        return `b${this.#text(this.#take(4).readUInt32BE())}`;
      case 0xd9:
        return this.#text(this.#take(1).readUInt8());
      case 0xda:
        return this.#text(this.#take(2).readUInt16BE());
      case 0xdb:
        return this.#text(this.#take(4).readUInt32BE());
      case 0xdc:
        return this.#array(this.#take(2).readUInt16BE());
      case 0xde:
        return this.#map(this.#take(2).readUInt16BE());
      default:
        throw new Error(`type ${type.toString(16)} is not described`);
    }
  }

  #take(count: number): Buffer {
    this.position += count;
    return this.#bytes.subarray(this.position - count, this.position);
  }

  #text(length: number): string {
    return JSON.stringify(this.#take(length).toString("latin1"));
  }

  #array(count: number): string {
    return `[${Array.from({ length: count }, () => this.value()).join(",")}]`;
  }

  #map(count: number): string {
    return `{${Array.from({ length: count }, () => `${this.value()}:${this.value()}`).join(",")}}`;
  }
}

/** The same description, made by Ruby. */
const ORACLE = String.raw`
require "fluent/config"
require "fluent/log"
require "fluent/engine"
require "fluent/plugin"
require "fluent/plugin/parser"
require "serverengine"
$log = Fluent::Log.new(ServerEngine::DaemonLogger.new(File.open(File::NULL, "w")))
def quote(s) = JSON.generate(s.b.bytes.map { |b| b.chr(Encoding::UTF_8) }.join)
def describe(v)
  case v
  when nil then "nil"
  when true, false then v.to_s
  when Integer then "i#{v}"
  when Float then "f#{[v].pack("G").unpack1("H*")}"
  when Fluent::EventTime then "t#{v.sec & 0xffffffff}.#{v.nsec & 0xffffffff}"
  when String then (v.encoding == Encoding::BINARY ? "b" : "") + quote(v)
  when Symbol then quote(v.to_s)
  when Array then "[#{v.map { |e| describe(e) }.join(",")}]"
  when Hash then "{#{v.map { |k, e| "#{k.is_a?(String) ? quote(k) : describe(k)}:#{describe(e)}" }.join(",")}}"
  else raise "no description of #{v.class}"
  end
end
def time(t)
  return describe(t) unless t.is_a?(Fluent::EventTime)
  (t.sec - Time.now.to_i).abs < 600 ? "now" : describe(t)
end
output = input.map { |c|
  begin
    conf = Fluent::Config.parse(c["parse"], "test.conf", "", true).elements.first
    parser = Fluent::Plugin.new_parser(conf["@type"])
    parser.configure(conf)
    parser.define_singleton_method(:log) { $log }
    c["texts"].map { |hex|
      text = [hex].pack("H*").force_encoding(c["encoding"] == "utf-8" ? "UTF-8" : "ASCII-8BIT")
      events = +""
      unmatched = false
      begin
        parser.parse(text) { |t, r| r ? events << "#{time(t)} #{describe(r)}\n" : (unmatched = true) }
        unmatched ? events + "unmatched" : events
      rescue StandardError, Fluent::UncatchableError => e
        ENV["ORACLE_DEBUG"] ? "failed #{e.class} #{e.message}" : "failed"
      end
    }
  rescue StandardError => e
    known = [Fluent::ConfigError, RegexpError, ArgumentError].any? { |c| e.is_a?(c) }
    raise unless known || e.class.name == "Fluent::Grok::GrokPatternNotFoundError"
    ENV["ORACLE_DEBUG"] ? "refused #{e.message}" : "refused"
  end
}
`;
