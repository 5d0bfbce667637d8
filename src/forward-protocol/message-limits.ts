/** What a message may be. Sizes in bytes. */
export interface MessageLimits {
  /** A whole message; checked against declared lengths. */
  readonly frameSizeLimit: number;
  /** A message before the peer has proved itself. */
  readonly handshakeSizeLimit: number;
  /** Levels of arrays and maps, the message's own included; at most the walker's MAX_DEPTH. */
  readonly nestingLimit: number;
  readonly optionKeyLimit: number;
  readonly decompressionSizeLimit: number;
  /** How many times its own size a compressed body may hold. */
  readonly decompressionRatioLimit: number;
}
