/** What the benchmark asks of the load generator, and what it hears back. */

/** Load for so long, then answer with a LoadReport. */
export interface LoadRequest {
  readonly durationMs: number;
}

export interface LoadReport {
  readonly startedAt: number;
  /** Whole cycles, of all connections or files together. */
  readonly cycles: number;
  readonly events: number;
  /** From the write of a frame to its ack; undefined where there are no acks. */
  readonly ackMs: AckTimes | undefined;
}

/** In milliseconds. */
export interface AckTimes {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Loads the agent for a time; resolves, once it has taken all, with the cycles and, in milliseconds, each ack's time. */
export type Load = (durationMs: number) => Promise<{ cycles: number; acks: number[] }>;
