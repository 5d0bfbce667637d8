/** `suiro tap`: shows events of a running agent as they pass, one line each. */

import { errorMessage } from "../errors.ts";
import { type ControlTarget, findAgent, linesOf, sendRequest } from "./control-client.ts";

export interface TapOptions extends ControlTarget {
  readonly pattern: string;
  readonly at?: string;
  /** Events a second. */
  readonly limit: number;
  /** End after so many events. */
  readonly count?: number;
}

/** Runs until the agent ends, `count` events were shown, or the reader of standard output has gone. Gives the exit code. */
export async function tap({ pattern, at, limit, count, ...target }: TapOptions): Promise<number> {
  try {
    const socket = await sendRequest(await findAgent(target), { command: "tap", pattern, at, limit });
    process.stdout.on("error", () => socket.destroy());
    let shown = 0;
    for await (const { time, tag, at: place, record, skipped, tapping, error } of linesOf(socket)) {
      if (error !== undefined) {
        console.error(String(error));
        return 1;
      }
      if (tapping !== undefined) console.error(`tapping ${tapping}; at most ${limit} events a second`);
      else if (skipped !== undefined) console.error(`… ${skipped} more events were not shown`);
      else {
        console.log(`${time} ${tag} ${place}: ${record}`);
        if (++shown === count) return 0;
      }
    }
    return 0;
  } catch (error) {
    console.error(errorMessage(error));
    return 1;
  }
}
