/** A failure that is told to the operator in one sentence; nothing more than that sentence is printed. */
export class EgressError extends Error {
  override readonly name = "EgressError";
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
