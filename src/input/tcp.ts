/** `@type tcp`: texts with a delimiter behind each. Source: fluentd 1.18 plugin/in_tcp.rb. */

import { bool, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, optional, section, withDefaults } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { extractTable } from "../parser/extract.ts";
import type { Parser } from "../parser/parser.ts";
import { createParsers, type ParserPair, parseParameters, parseSections } from "../parser/parser-list.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { RareWarnings } from "../rare-warnings.ts";
import { checkTransport, transportTable } from "../tls/transport.ts";
import { checkClients, clientNetworks, clientsTable } from "./text/client-networks.ts";
import { Extract } from "./text/extract.ts";
import { DelimiterSplitter } from "./text/message-splitter.ts";
import { peerFields } from "./text/peer.ts";
import { StreamServer } from "./text/stream-server.ts";
import { TextEvents } from "./text/text-events.ts";

/** fluentd gathers a message without bound; no output takes one of this size. */
const MESSAGE_LIMIT_BYTES = 8 * 1024 * 1024;

const table = section(
  {
    ...parseParameters,
    tag: string.required("Tag of the events."),
    port: integer.default("Port to listen on.", 5170),
    bind: string.default("Address to listen on.", "0.0.0.0"),
    source_host_key: string.optional("Older name of source_hostname_key.", {
      deprecated: "use source_hostname_key instead",
    }),
    source_hostname_key: string.optional("Field of each record that gets the client's name."),
    source_address_key: string.optional("Field of each record that gets the client's address."),
    message_length_limit: size.default("Longer messages are dropped.", MESSAGE_LIMIT_BYTES),
    blocking_timeout: time.default("Accepted; it is about fluentd's own loop.", 0.5),
    delimiter: string.default("What stands behind each message.", "\n"),
    send_keepalive_packet: bool.default("Let TCP find out dead peers (SO_KEEPALIVE).", false),
  },
  {
    ...parseSections,
    extract: optional(extractTable),
    security: optional(clientsTable),
    transport: withDefaults(transportTable),
  },
);

type TcpConfig = ConfigOf<typeof table>;

export const tcpInput: InputDefinition<TcpConfig> = {
  kind: "input",
  type: "tcp",
  table,
  create(config, context) {
    checkTransport(config.transport);
    if (config.security) checkClients(config.security);
    if (config.delimiter === "") throw new ConfigError("'delimiter' must not be empty", context.element.position);
    return new TcpInput(config, context);
  },
};

class TcpInput implements Input {
  readonly #config: TcpConfig;
  readonly #context: PluginContext;
  readonly #events: TextEvents;
  readonly #parsers: ParserPair;
  readonly #warnings: RareWarnings;
  #server: StreamServer | undefined;

  constructor(config: TcpConfig, context: PluginContext) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RareWarnings(context.logger, context.clock);
    this.#parsers = createParsers(context.element, context);
    this.#events = new TextEvents({
      clock: context.clock,
      fields: peerFields(this.#peerKeys),
      extract: config.extract && new Extract(config.extract, context.clock),
      withoutTime: "unmatched",
    });
  }

  get address() {
    return this.#server?.address;
  }

  async start(): Promise<void> {
    const { transport, port, bind, sendKeepalivePacket, delimiter, messageLengthLimit, security } = this.#config;
    this.#server = new StreamServer(
      {
        ...this.#peerKeys,
        transport,
        port,
        bind,
        sendKeepalivePacket,
        networks: security && (await clientNetworks(security)),
        createSplitter: () =>
          new DelimiterSplitter({ delimiter, limitBytes: messageLengthLimit, tooLong: (size) => this.#tooLong(size) }),
        message: (bytes, start, end, values, encoding) =>
          this.#message(this.#parsers[encoding], bytes, start, end, values),
        takeBatches: () => this.#events.take(),
      },
      this.#context,
    );
    this.#context.logger.info("listening tcp socket", { bind, port });
    await this.#server.start();
  }

  async stop(deadline: AbortSignal): Promise<void> {
    await this.#server?.stop(deadline);
  }

  get #peerKeys() {
    const { sourceAddressKey, sourceHostnameKey, sourceHostKey } = this.#config;
    return { sourceAddressKey, sourceHostnameKey: sourceHostnameKey ?? sourceHostKey };
  }

  #message(parser: Parser, bytes: Buffer, start: number, end: number, values: readonly Buffer[]): void {
    try {
      if (this.#events.add(parser, this.#config.tag, bytes, start, end, values)) return;
      this.#drop("unmatched", "pattern not matched", {});
    } catch (error) {
      this.#drop("invalid", "invalid message", { error });
    }
  }

  #tooLong(size: number): void {
    const limit = this.#config.messageLengthLimit;
    this.#drop("too_long", "The received data is larger than 'message_length_limit', dropped:", { limit, size });
  }

  #drop(reason: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#context.counters.add("dropped_events", 1, reason);
    this.#warnings.warn(message, fields);
  }
}
