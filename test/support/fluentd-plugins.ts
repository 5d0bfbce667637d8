/** Runs single plugins of the real fluentd on entries, without a pipeline around them. */

import { entryBounds } from "../../src/event/event-stream.ts";
import { encode } from "../../src/event/msgpack.ts";
import { msgpackText } from "./msgpack-text.ts";
import { askRuby } from "./ruby.ts";

/** A filter or an output, and what it is given. */
export interface PluginCase {
  readonly kind: "filter" | "output";
  readonly type: string;
  /** What stands inside `<filter>` or `<match>`. */
  readonly config: string;
  /** Batches: tag, and entries one behind the other. */
  readonly batches: readonly (readonly [tag: string, entries: Buffer])[];
}

export interface PluginResult {
  /** Events that came out, as `tag time json`, in order. */
  readonly events: string[];
  /** Events that went to `@ERROR`. */
  readonly errors: string[];
}

const SCRIPT = `
require "fluent/log"
require "fluent/env"
require "fluent/engine"
require "fluent/plugin"
require "fluent/event"
require "fluent/config"
require "fluent/msgpack_factory"
require "fluent/plugin/filter"
require "fluent/plugin/output"
require "base64"
require "stringio"
Dir[File.join(ENV["GEM_HOME"], "gems", "*", "lib")].each { |path| $LOAD_PATH.push(path) unless path.include?("fluentd-") }
$log = Fluent::Log.new(ServerEngine::DaemonLogger.new(StringIO.new, { log_level: ServerEngine::DaemonLogger::FATAL }))

class Kept
  attr_reader :events, :errors
  def initialize; @events = []; @errors = []; end
  def emit(tag, time, record); keep(@events, tag, time, record); end
  def emit_stream(tag, es); es.each { |time, record| keep(@events, tag, time, record) }; end
  def emit_array(tag, array); array.each { |time, record| keep(@events, tag, time, record) }; end
  def emit_error_event(tag, time, record, error); keep(@errors, tag, time, record); end
  def emit_error_stream(tag, es, error); es.each { |time, record| keep(@errors, tag, time, record) }; end
  def keep(list, tag, time, record)
    packer = Fluent::MessagePackFactory.msgpack_packer
    packer.write([time, record])
    list << [tag, Base64.strict_encode64(packer.to_s)]
  end
end

output = input.map do |c|
  kept = Kept.new
  begin
    plugin = Fluent::Plugin.send(c["kind"] == "filter" ? :new_filter : :new_output, c["type"])
    plugin.define_singleton_method(:router) { kept }
    plugin.define_singleton_method(:event_emitter_router) { |label| kept }
    conf = Fluent::Config.parse("<plugin>\\n@type #{c["type"]}\\n#{c["config"]}\\n</plugin>", "t", ".", true)
    plugin.configure(conf.elements.first)
    c["batches"].each do |tag, entries|
      es = Fluent::MessagePackEventStream.new(Base64.decode64(entries))
      if c["kind"] == "filter"
        plugin.filter_stream(tag, es).each { |time, record| kept.keep(kept.events, tag, time, record) }
      elsif plugin.respond_to?(:process)
        plugin.process(tag, es)
      else
        plugin.emit(tag, es, Class.new { def next; end }.new)
      end
    end
    plugin.send(:flush_remaining_buffer) if c["type"] == "concat"
    plugin.send(:flush_buffers) if c["type"] == "detect_exceptions"
    { events: kept.events, errors: kept.errors }
  rescue Fluent::ConfigError, SyntaxError => e
    { refused: e.message }
  end
end
`;

interface Answer {
  readonly events?: [string, string][];
  readonly errors?: [string, string][];
  readonly refused?: string;
}

/** What the real plugins make of it. A configuration that they refuse gives the reason as its only event. */
export function askPlugins(cases: readonly PluginCase[]): PluginResult[] {
  const input = cases.map((one) => ({
    ...one,
    batches: one.batches.map(([tag, entries]) => [tag, entries.toString("base64")]),
  }));
  return (askRuby(SCRIPT, input) as Answer[]).map(({ events = [], errors = [], refused }) => ({
    events: refused === undefined ? events.map(shown) : [`refused: ${refused}`],
    errors: errors.map(shown),
  }));
}

function shown([tag, base64]: [string, string]): string {
  return showEntries(tag, Buffer.from(base64, "base64")).join();
}

/** Entries as text that hides nothing but that a float was one of 32 bits, which Ruby has not: `tag time record`. */
export function showEntries(tag: string, packed: Buffer): string[] {
  return [...entryBounds(packed)].map(({ timeStart, recordStart }) => {
    const time = packed.toString("hex", timeStart, recordStart);
    return `${tag} ${time} ${msgpackText(packed, recordStart).text.replaceAll("float32:", "")}`;
  });
}

/** Entries `[time, record]` of these records, at 1700000000.000000001 and the seconds behind it. */
export function entriesOf(records: readonly (Buffer | object)[]): Buffer {
  return Buffer.concat(
    records.flatMap((record, index) => {
      const time = Buffer.from([0x92, 0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
      time.writeUInt32BE(1_700_000_000 + index, 3);
      return [time, Buffer.isBuffer(record) ? record : encode(record)];
    }),
  );
}
