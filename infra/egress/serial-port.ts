/** The VM's word on its serial port: the start-up script's last line. */

import { EgressError } from "./egress-error.ts";
import { GcloudError } from "./gcloud.ts";
import type { Place } from "./resource/instance.ts";
import type { Session } from "./session.ts";

const POLL_SECONDS = 5;

/** Serial output from a position on, and the position after it. A VM that is just starting has none yet. */
export async function readSerial(
  session: Session,
  place: Place,
  since: number,
): Promise<{ contents: string; next: number }> {
  const command = ["compute", "instances", "get-serial-port-output", place.instance, `--zone=${place.zone}`];
  try {
    const answer = await session.gcloud.json<{ contents?: string; next?: string | number }>([
      ...command,
      `--start=${since}`,
    ]);
    return { contents: answer.contents ?? "", next: Number(answer.next ?? 0) };
  } catch (error) {
    const starting = error instanceof GcloudError && /not ready|was not found/i.test(error.message);
    if (starting) return { contents: "", next: since };
    throw error;
  }
}

/** The last `nat-startup: ready …` or `nat-startup: failed …`, if any. */
export function lastWord(contents: string): string | undefined {
  return contents
    .split(/\r?\n/)
    .map((line) => /nat-startup: (?:ready|failed).*$/.exec(line)?.[0])
    .filter((line) => line !== undefined)
    .at(-1);
}

/** Throws EgressError when the script failed, or said nothing in time; the message holds its last lines. */
export async function waitUntilReady(session: Session, place: Place, since: number): Promise<void> {
  const polls = Math.max(1, Math.ceil(session.options.readySeconds / POLL_SECONDS));
  let contents = "";
  for (let poll = 0; poll < polls; poll++) {
    ({ contents } = await readSerial(session, place, since));
    const word = lastWord(contents);
    if (word?.startsWith("nat-startup: ready")) return session.say(`  ${word}`);
    if (word) throw new EgressError(`The start-up script of ${place.instance} says: ${word}`);
    await session.sleep(POLL_SECONDS * 1000);
  }
  const tail = contents.split("\n").slice(-10).join("\n");
  throw new EgressError(
    `The VM ${place.instance} did not report ready within ${session.options.readySeconds} s (--ready-seconds). Its serial port ends with:\n${tail}`,
  );
}
