import type { RunOptions } from "./run-options.ts";
export async function run(_: RunOptions): Promise<number> {
  return 0;
}
