/** What `suiro tap` and `suiro top` see of the process: it stays while configurations come and go. */

import type { Agent } from "../agent.ts";
import { systemClock } from "../clock.ts";
import { SuiroError } from "../errors.ts";
import { agentStatus } from "../metrics/status.ts";
import { matchPattern } from "../pipeline/match-pattern.ts";
import { Taps } from "../pipeline/taps.ts";
import type { PluginSummary } from "../plugin.ts";
import { ControlSocket, socketFolder } from "./control-socket.ts";
import { EventTap } from "./event-tap.ts";
import type { Service } from "./service.ts";
import { VERSION } from "./version.ts";

/** Those who watch events of this process, whichever agent runs. */
export const taps = new Taps();

/** How often a tap is told of events that it did not get. */
const TELL_MS = 1000;

/** Opens the control socket, where that can be done. */
export async function startLiveView(service: Service<Agent>): Promise<ControlSocket> {
  const socket = new ControlSocket(
    {
      status: () => agentStatus(service.plugins, VERSION, systemClock.now()),
      tap({ pattern, at, limit }, write) {
        if (at !== undefined) checkPlace(at, service.plugins);
        const tap = new EventTap({ matches: matchPattern(pattern), at, limit, clock: systemClock, write });
        const detach = taps.attach(tap);
        const cancel = systemClock.every(TELL_MS, () => tap.tell());
        return () => {
          cancel();
          detach();
        };
      },
    },
    service.logger,
  );
  await socket.start(socketFolder(process.env));
  return socket;
}

/** Throws where nothing of the name is there to be tapped: a tap would wait for ever, and say nothing. */
function checkPlace(at: string, plugins: readonly PluginSummary[]): void {
  const ids = plugins.filter(({ kind, owner }) => kind !== "input" && owner === undefined).map(({ id }) => id);
  const places = [...new Set([...ids, "@ROOT", ...plugins.map(({ level }) => level)])];
  if (places.includes(at)) return;
  const isInput = plugins.some(({ kind, id }) => kind === "input" && id === at);
  const why = isInput ? `${at} is an input: tap what it brings at its label, or at @ROOT` : `there is no ${at}`;
  throw new SuiroError("CONFIG", `${why}. --at takes one of ${places.join(", ")}`);
}
