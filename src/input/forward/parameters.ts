/** Parameters of `@type forward` as a source. Source: fluentd 1.18 plugin/in_forward.rb; COMPAT 2.1. */

import { array, bool, enumeration, integer, size, string, time } from "../../config/literals.ts";
import { type ConfigOf, many, optional, section, withDefaults } from "../../config/parameters.ts";
import { transportTable } from "../../tls/transport.ts";
import { limitParameters, quarantineParameters } from "./limits.ts";

const userTable = section({
  username: string.required("Name that the client gives."),
  password: string.required("Password that the client proves to know.", { secret: true }),
});

const clientTable = section({
  host: string.optional("Address or name of the client; a name is resolved once, at start."),
  network: string.optional("Network of the clients, such as 10.0.0.0/8 or fd00::/8."),
  shared_key: string.optional("Key for these clients instead of the section's.", { secret: true }),
  users: array.default("Names of the users that may come from there; empty: all.", []),
});

const securityTable = section(
  {
    self_hostname: string.required("Name that this side gives in the handshake."),
    shared_key: string.optional("Key that both sides must know; required unless shared_key_path is given.", {
      secret: true,
    }),
    shared_key_path: string.optional(
      "Suiro's own. File with keys, one a line, each of them valid; it is read again when it changes.",
    ),
    user_auth: bool.default("Ask for a user and its password, too.", false),
    allow_anonymous_source: bool.default("Let in clients that no <client> names.", true),
  },
  { user: many(userTable), client: many(clientTable) },
);

export type SecurityConfig = ConfigOf<typeof securityTable>;

export const forwardTable = section(
  {
    port: integer.default("Port to listen on, TCP and, for heartbeats, UDP.", 24224),
    bind: string.default("Address to listen on.", "0.0.0.0"),
    backlog: integer.optional("Connections that the system keeps waiting; without it Node's 511."),
    linger_timeout: integer.optional("Accepted. A connection always closes in order, so that no written ack is lost.", {
      deprecated: "write it in <transport>",
    }),
    blocking_timeout: time.default("Accepted; it is about fluentd's own loop.", 0.5),
    resolve_hostname: bool.optional("Look up the names of clients, for logs; source_hostname_key needs it."),
    deny_keepalive: bool.default("Close a connection after its first message.", false),
    send_keepalive_packet: bool.default("Let TCP find out dead peers (SO_KEEPALIVE).", false),
    chunk_size_limit: size.optional("Larger messages are dropped with a warning, and not acked."),
    chunk_size_warn_limit: size.optional("Larger messages are logged."),
    skip_invalid_event: bool.optional(
      "What is no event (a time and a map) is always dropped, counted, logged and acked, since no retry would mend " +
        "it. A time that is a float becomes an event time when this is absent; with true such an event is dropped, " +
        "as fluentd 1.19 does; with false it is passed on as it came, as fluentd 1.18 does.",
    ),
    source_address_key: string.optional("Field of each record that gets the client's address."),
    source_hostname_key: string.optional("Field of each record that gets the client's name."),
    tag: string.optional("Tag instead of the one that came."),
    add_tag_prefix: string.optional("What goes before the tag, with a dot."),
    ack_after: enumeration("written", "synced", "delivered").default(
      "Suiro's own. When a chunk is acked: when its events are written, as fluentd does (a killed process loses none of " +
        "them), when they are on the disk of a file buffer (nor does a machine that loses power), or when the next " +
        "receiver has them. With a memory buffer synced is written.",
      "synced",
    ),
    resend_ids: enumeration("time_ordered", "all", "none").default(
      "Suiro's own. Chunks that come again are acked and not stored twice if their id is one that fluentd or Suiro made " +
        "(time_ordered), whatever it is (all: no sender may give one id to two equal chunks, as Fluent Bit does), or " +
        "never (none).",
      "time_ordered",
    ),
    resend_window_time: time.default("Suiro's own. How long chunks are remembered.", 72 * 3600),
    resend_window_chunks: integer.default("Suiro's own. How many chunks each buffer remembers.", 65_536),
    ...limitParameters,
    ...quarantineParameters,
  },
  { security: optional(securityTable), transport: withDefaults(transportTable) },
);

export type ForwardConfig = ConfigOf<typeof forwardTable>;
