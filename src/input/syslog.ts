/**
 * `@type syslog`: RFC 3164 and 5424 over UDP, TCP or TLS; the tag gets facility and severity.
 * Source: fluentd 1.18 plugin/in_syslog.rb.
 */

import { bool, enumeration, integer, size, string, time } from "../config/literals.ts";
import { type ConfigOf, section, withDefaults } from "../config/parameters.ts";
import { ConfigError } from "../errors.ts";
import { createParsers, parseParameters, parseSections } from "../parser/parser-list.ts";
import type { Input, InputDefinition, PluginContext } from "../plugin.ts";
import { checkTransport, type TransportConfig, transportTable } from "../tls/transport.ts";
import { chomped, DatagramServer } from "./text/datagram-server.ts";
import { DelimiterSplitter, OctetCountSplitter } from "./text/message-splitter.ts";
import { withParseDefaults } from "./text/parse-defaults.ts";
import { StreamServer } from "./text/stream-server.ts";
import { SyslogMessages } from "./text/syslog-messages.ts";

/** fluentd gathers a message of a stream without bound. */
const STREAM_MESSAGE_LIMIT_BYTES = 8 * 1024 * 1024;

const table = section(
  {
    ...parseParameters,
    port: integer.default("Port to listen on.", 5140),
    bind: string.default("Address to listen on.", "0.0.0.0"),
    tag: string.required("Tag of the events; facility and severity are put behind it."),
    protocol_type: enumeration("udp", "tcp").optional("Older way to say <transport>.", {
      deprecated: "use <transport>",
    }),
    frame_type: enumeration("traditional", "octet_count").default(
      "How messages of a stream are told apart.",
      "traditional",
    ),
    include_source_host: bool.default("Add the client's address as source_host_key.", false, {
      deprecated: "use source_hostname_key or source_address_key instead",
    }),
    source_host_key: string.default("Field for include_source_host.", "source_host"),
    emit_unmatched_lines: bool.default("Emit what does not parse, as `unmatched_line` under TAG.unmatched.", false),
    source_hostname_key: string.optional("Field of each record that gets the client's name."),
    resolve_hostname: bool.optional("Look up the names of clients; source_hostname_key needs it."),
    send_keepalive_packet: bool.default("Let TCP find out dead peers (SO_KEEPALIVE).", false),
    source_address_key: string.optional("Field of each record that gets the client's address."),
    severity_key: string.optional("Field that gets the severity's name.", { alias: "priority_key" }),
    facility_key: string.optional("Field that gets the facility's name."),
    message_length_limit: size.default("What a datagram has more is cut off.", 2048),
    blocking_timeout: time.default("Accepted; it is about fluentd's own loop.", 0.5),
    delimiter: string.default("What stands behind each message of a stream.", "\n"),
  },
  { ...parseSections, transport: withDefaults(transportTable) },
);

type SyslogConfig = ConfigOf<typeof table>;

export const syslogInput: InputDefinition<SyslogConfig> = {
  kind: "input",
  type: "syslog",
  table,
  create(config, context) {
    const fail = (message: string) => {
      throw new ConfigError(message, context.element.position);
    };
    const protocol = protocolOf(config);
    if (protocol !== "udp") checkTransport(streamTransport(config));
    if (config.sendKeepalivePacket && protocol === "udp") fail("send_keepalive_packet is available for tcp/tls");
    if (config.includeSourceHost && config.sourceAddressKey !== undefined) {
      fail("specify either source_address_key or include_source_host");
    }
    if (config.sourceHostnameKey !== undefined && config.resolveHostname === false) {
      fail("resolve_hostname must be true with source_hostname_key");
    }
    if (config.delimiter === "") fail("'delimiter' must not be empty");
    return createSyslogInput(config, context, protocol);
  },
};

type Protocol = "udp" | "tcp" | "tls";

/** Throws ConfigError. */
function protocolOf({ protocolType, transport }: SyslogConfig): Protocol {
  const name = protocolType ?? (transport.argument || "udp");
  if (name === "udp" || name === "tcp" || name === "tls") return name;
  throw new ConfigError(`valid options are tcp,udp,tls but got ${name}`, transport.element.position);
}

/** `protocol_type tcp` without a section means what `<transport tcp>` means. */
function streamTransport({ transport, protocolType }: SyslogConfig): TransportConfig {
  return protocolType === undefined ? transport : { ...transport, argument: protocolType };
}

function createSyslogInput(config: SyslogConfig, context: PluginContext, protocol: Protocol): Input {
  const typed = withParseDefaults(context.element, { "@type": "syslog" });
  // Other parsers know nothing of it, and would say so.
  const isSyslog = typed.childrenNamed("parse")[0]?.text("@type") === "syslog";
  const element = isSyslog ? withParseDefaults(typed, { with_priority: "true" }) : typed;
  const [parse] = element.childrenNamed("parse");
  const peerKeys = {
    sourceAddressKey: config.includeSourceHost ? config.sourceHostKey : config.sourceAddressKey,
    sourceHostnameKey: config.sourceHostnameKey,
  };
  const messages = new SyslogMessages({
    ...peerKeys,
    tag: config.tag,
    severityKey: config.severityKey,
    facilityKey: config.facilityKey,
    emitUnmatchedLines: config.emitUnmatchedLines,
    parsers: createParsers(element, context),
    parserReadsPriority: isSyslog && isTrue(parse?.text("with_priority")),
    context,
  });
  const common = { ...peerKeys, port: config.port, bind: config.bind, takeBatches: () => messages.take() };
  const server =
    protocol === "udp"
      ? new DatagramServer(
          {
            ...common,
            limitBytes: config.messageLengthLimit,
            receiveBufferBytes: config.transport.receiveBufferSize,
            message: (bytes, start, end, values) =>
              messages.add(bytes, start, chomped(bytes, start, end), values, "binary"),
          },
          context,
        )
      : new StreamServer(
          {
            ...common,
            transport: streamTransport(config),
            sendKeepalivePacket: config.sendKeepalivePacket,
            createSplitter: () => createSplitter(config, messages),
            message: (bytes, start, end, values, encoding) => messages.add(bytes, start, end, values, encoding),
          },
          context,
        );
  return {
    get address() {
      return server.address;
    },
    async start() {
      context.logger.info(`listening syslog socket on ${config.bind}:${config.port} with ${protocol}`);
      await server.start();
    },
    stop: (deadline) => server.stop(deadline),
  };
}

function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "yes" || text === "";
}

function createSplitter({ frameType, delimiter }: SyslogConfig, messages: SyslogMessages) {
  const limitBytes = STREAM_MESSAGE_LIMIT_BYTES;
  if (frameType === "octet_count") return new OctetCountSplitter(limitBytes);
  return new DelimiterSplitter({ delimiter, limitBytes, tooLong: (byteSize) => messages.tooLong(byteSize) });
}
