/** `@type udp`: a text in each datagram. Source: fluentd 1.18 plugin/in_udp.rb. */

import { bool, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, optional, section, withDefaults } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { extractTable } from "../parser/extract.ts";
import type { Parser } from "../parser/parser.ts";
import { createParser, parseParameters, parseSections } from "../parser/parser-list.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { chomped, DatagramServer } from "./text/datagram-server.ts";
import { Extract } from "./text/extract.ts";
import { peerFields } from "./text/peer.ts";
import { TextEvents } from "./text/text-events.ts";

const udpTransportTable = section({
  receive_buffer_size: size.optional("Receive buffer of the socket."),
});

const table = section(
  {
    ...parseParameters,
    tag: string.required("Tag of the events."),
    port: integer.default("Port to listen on.", 5160),
    bind: string.default("Address to listen on.", "0.0.0.0"),
    source_host_key: string.optional("Older name of source_hostname_key.", {
      deprecated: "use source_hostname_key instead",
    }),
    source_hostname_key: string.optional("Field of each record that gets the client's name."),
    source_address_key: string.optional("Field of each record that gets the client's address."),
    body_size_limit: size.optional("Older name of message_length_limit.", {
      deprecated: "use message_length_limit instead",
    }),
    message_length_limit: size.default("What a datagram has more is cut off.", 4096),
    remove_newline: bool.default("Take the line end off a datagram.", true),
    receive_buffer_size: size.optional("Receive buffer of the socket.", { deprecated: "write it in <transport>" }),
    blocking_timeout: time.default("Accepted; it is about fluentd's own loop.", 0.5),
  },
  { ...parseSections, extract: optional(extractTable), transport: withDefaults(udpTransportTable) },
);

type UdpConfig = ConfigOf<typeof table>;

export const udpInput: InputDefinition<UdpConfig> = {
  kind: "input",
  type: "udp",
  table,
  create(config, context) {
    const { argument, element } = config.transport;
    if (argument !== "" && argument !== "udp") {
      throw new ConfigError(`valid options are udp but got ${argument}`, element.position);
    }
    return new UdpInput(config, context);
  },
};

class UdpInput implements Input {
  readonly #config: UdpConfig;
  readonly #context: PluginContext;
  readonly #events: TextEvents;
  readonly #parser: Parser;
  readonly #warnings: RareWarnings;
  readonly #server: DatagramServer;

  constructor(config: UdpConfig, context: PluginContext) {
    const { sourceAddressKey, sourceHostnameKey, sourceHostKey, port, bind } = config;
    const peerKeys = { sourceAddressKey, sourceHostnameKey: sourceHostnameKey ?? sourceHostKey };
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#parser = createParser(context.element, context);
    this.#events = new TextEvents({
      clock: context.clock,
      fields: peerFields(peerKeys),
      extract: config.extract && new Extract(config.extract, context.clock),
      withoutTime: "unmatched",
    });
    this.#server = new DatagramServer(
      {
        ...peerKeys,
        port,
        bind,
        limitBytes: config.bodySizeLimit ?? config.messageLengthLimit,
        receiveBufferBytes: config.transport.receiveBufferSize ?? config.receiveBufferSize,
        message: (bytes, start, end, values) => this.#message(bytes, start, end, values),
        takeBatches: () => this.#events.take(),
      },
      context,
    );
  }

  get address() {
    return this.#server.address;
  }

  async start(): Promise<void> {
    const { bind, port } = this.#config;
    this.#context.logger.info("listening udp socket", { bind, port });
    await this.#server.start();
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }

  #message(bytes: Buffer, start: number, end: number, values: readonly Buffer[]): void {
    const textEnd = this.#config.removeNewline ? chomped(bytes, start, end) : end;
    try {
      if (this.#events.add(this.#parser, this.#config.tag, bytes, start, textEnd, values)) return;
      this.#drop("unmatched", "pattern not matched", {});
    } catch (error) {
      this.#drop("invalid", "invalid message", { error });
    }
  }

  #drop(reason: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#context.counters.add("dropped_events", 1, reason);
    this.#warnings.warn(message, fields);
  }
}
