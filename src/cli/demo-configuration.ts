/** The two configurations of the demo, as an operator would write them. */

export interface DemoPlaces {
  /** Holds the buffer, the certificates and what arrived. */
  readonly folder: string;
  readonly senderPort: number;
  readonly receiverPort: number;
}

/** Takes events on loopback and forwards them: TLS verified by the demo's authority, shared key, acks, file buffer. */
export function senderConfiguration({ folder, senderPort, receiverPort }: DemoPlaces): string {
  return `
<source>
  @type forward
  port ${senderPort}
  bind 127.0.0.1
</source>

<match **>
  @type forward
  @id to_receiver
  transport tls
  tls_cert_path ${quoted(`${folder}/tls/ca.pem`)}
  require_ack_response true
  <security>
    self_hostname sender
    shared_key "#{ENV.fetch('SUIRO_SHARED_KEY')}"
  </security>
  <server>
    host localhost
    port ${receiverPort}
  </server>
  <buffer tag>
    @type file
    path ${quoted(`${folder}/buffer`)}
    flush_interval 0.5
    flush_thread_interval 0.1
    retry_forever true
    retry_max_interval 5s
  </buffer>
</match>
`;
}

/** Receives them, shows them, and appends them to `received.log`. */
export function receiverConfiguration({ folder, receiverPort }: DemoPlaces): string {
  return `
<source>
  @type forward
  port ${receiverPort}
  bind localhost
  <transport tls>
    cert_path ${quoted(`${folder}/tls/server.pem`)}
    private_key_path ${quoted(`${folder}/tls/server-key.pem`)}
  </transport>
  <security>
    self_hostname receiver
    shared_key "#{ENV.fetch('SUIRO_SHARED_KEY')}"
  </security>
</source>

<match **>
  @type copy
  <store>
    @type stdout
  </store>
  <store>
    @type file
    path ${quoted(`${folder}/received`)}
    append true
    <buffer []>
      @type memory
      flush_mode interval
      flush_interval 0.5
      flush_thread_interval 0.1
    </buffer>
  </store>
</match>
`;
}

/** In single quotes a path keeps its blanks and its number signs, and no Ruby in it is evaluated. */
function quoted(path: string): string {
  return `'${path.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
