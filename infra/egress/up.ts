/** Carries a plan out: in order, undoing its own creations when a step fails, and never giving an address back. */

import { errorText } from "./egress-error.ts";
import { type GcloudArguments, GcloudError } from "./gcloud.ts";
import type { Plan, Step } from "./plan.ts";
import type { Place } from "./resource/instance.ts";
import { readSerial, waitUntilReady } from "./serial-port.ts";
import type { Session } from "./session.ts";
import { shellCommand } from "./shell-text.ts";

/** Throws EgressError with what was undone. */
export async function carryOut(session: Session, plan: Plan): Promise<void> {
  const undo: Step[] = [];
  const since = await serialPosition(session, plan);
  for (const step of plan.steps) {
    session.say(`${step.action} ${step.kind} ${step.name}: ${step.reasons.join("; ")}`);
    try {
      if (step.action === "wait") await waitUntilReady(session, step.place as Place, since);
      else await runCommands(session, step.commands);
      undo.unshift(step);
    } catch (error) {
      session.say(`failed: ${errorText(error)}`);
      // What "already exists" is somebody else's, made since the plan was read.
      if (!(error instanceof GcloudError && error.failure === "exists")) undo.unshift(step);
      await takeBack(session, undo);
      throw error;
    }
  }
}

/** A VM that is booted again keeps its serial output; only what comes after this position counts. */
async function serialPosition(session: Session, plan: Plan): Promise<number> {
  const reboots = plan.steps.some(
    (step) =>
      step.action === "update" && step.commands.some((command) => command[2] === "reset" || command[2] === "start"),
  );
  return reboots ? (await readSerial(session, plan.place, 0)).next : 0;
}

async function runCommands(session: Session, commands: readonly GcloudArguments[]): Promise<void> {
  for (const command of commands) {
    session.say(`  ${shellCommand(command)}`);
    await session.gcloud.text(command);
  }
}

async function takeBack(session: Session, done: readonly Step[]): Promise<void> {
  for (const step of done.filter((one) => one.undo.length > 0)) {
    session.say(`undo ${step.kind} ${step.name}`);
    for (const command of step.undo) {
      try {
        await session.gcloud.text(command);
      } catch (error) {
        if (error instanceof GcloudError && error.failure === "not-found") continue;
        session.say(`  it could not be undone, and the next \`up\` or \`down\` will find it: ${errorText(error)}`);
      }
    }
  }
  if (done.some((step) => step.kind === "address"))
    session.say("The address stays reserved; on-prem may already allow it.");
}
