/**
 * Every error that Suiro raises on purpose. A message names the place (file:line, peer or path), the cause, and what
 * to do about it; the code is for programs, the message for people.
 */

export type ErrorCode =
  | "CONFIG" // the configuration cannot be used; the start stops
  | "MALFORMED" // bytes that are not what their protocol or format says
  | "LIMIT" // a written limit was passed: frame, depth, ratio, count
  | "HANDSHAKE" // authentication failed, on either side
  | "TLS" // certificates or keys that cannot be loaded or trusted
  | "NETWORK" // connect, write, read, or close by the peer
  | "TIMEOUT" // the peer was silent for too long
  | "ACK" // the peer acknowledged something else, or nothing
  | "BUFFER_OVERFLOW" // the buffer is full
  | "BUFFER_IO" // the disk under the buffer failed
  | "CHUNK_BROKEN" // a chunk on disk that cannot be read
  | "UNRECOVERABLE" // no retry can mend it
  | "STOPPING"; // refused because the agent is going down

export class SuiroError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Where a configuration text stands. `line` counts from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
}

/** The configuration cannot be used. `position` is absent only when no single line is to blame. */
export class ConfigError extends SuiroError {
  readonly position: SourcePosition | undefined;

  constructor(message: string, position?: SourcePosition, options?: { cause?: unknown }) {
    super("CONFIG", position ? `${position.file}:${position.line}: ${message}` : message, options);
    this.position = position;
  }
}

/**
 * Bytes that are not valid msgpack, JSON, gzip, or a message of the Forward protocol. It has no stack: what matters is the
 * place in the data, and to walk the stack for each line that is no JSON took two thirds of the CPU.
 */
export class MalformedError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super("MALFORMED", message, options);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A written limit was passed. Raised from declared lengths, before memory is taken. */
export class LimitError extends SuiroError {
  constructor(message: string) {
    super("LIMIT", message);
  }
}

/** The shared key, the user, or the message order of the handshake was wrong. Never holds a secret. */
export class HandshakeError extends SuiroError {
  constructor(message: string) {
    super("HANDSHAKE", message);
  }
}

/** A certificate or key cannot be loaded, or the peer's cannot be trusted. */
export class TlsError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("TLS", message, options);
  }
}

/** The connection could not be made, or broke. */
export class NetworkError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("NETWORK", message, options);
  }
}

/** The peer was silent for longer than configured. */
export class TimeoutError extends SuiroError {
  constructor(message: string) {
    super("TIMEOUT", message);
  }
}

/** The acknowledgement was wrong or did not come: the chunk must be sent again. */
export class AckError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("ACK", message, options);
  }
}

/** The buffer is full and its overflow_action says to refuse. The sender keeps its data and comes again. */
export class BufferOverflowError extends SuiroError {
  constructor(message: string) {
    super("BUFFER_OVERFLOW", message);
  }
}

/** The disk refused a write, a rename or a read. */
export class BufferIoError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("BUFFER_IO", message, options);
  }
}

/** A chunk file cannot be understood; it goes to the backup folder. */
export class ChunkBrokenError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("CHUNK_BROKEN", message, options);
  }
}

/** Retrying cannot help: the chunk goes to the secondary or to the backup folder at once. */
export class UnrecoverableError extends SuiroError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("UNRECOVERABLE", message, options);
  }
}

/** Refused because the agent is stopping. */
export class StoppingError extends SuiroError {
  constructor(message: string) {
    super("STOPPING", message);
  }
}

/**
 * Whether sending a chunk again may help. Only what is known to be hopeless is not retried: a chunk that is broken or
 * that its output refuses for good. Source: fluentd 1.18 `UNRECOVERABLE_ERRORS` in plugin/output.rb.
 */
export function isRetryable(error: unknown): boolean {
  if (error instanceof SuiroError) return error.code !== "UNRECOVERABLE" && error.code !== "CHUNK_BROKEN";
  return !(error instanceof TypeError || error instanceof RangeError);
}

/** The message of anything that was thrown, with the operating system's code where there is one. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
