/** The subcommands: read, decide, print, act. */

import { advise } from "./advise.ts";
import { readSurroundings, type Surroundings } from "./cluster.ts";
import { costLines, monthlyCost } from "./cost.ts";
import { keptAddress, removal } from "./down.ts";
import { EgressError, errorText } from "./egress-error.ts";
import { failoverPlan } from "./failover.ts";
import { Gcloud, type RunProgram } from "./gcloud.ts";
import { type Landscape, readLandscape } from "./landscape.ts";
import { checkNetwork } from "./network-checks.ts";
import { hasChanges, makePlan, type Plan, wantedResources } from "./plan.ts";
import type { Session } from "./session.ts";
import { type CommandName, readCommandLine, usage } from "./settings.ts";
import { shellCommand, shellScript } from "./shell-text.ts";
import { carryOut } from "./up.ts";
import { verify } from "./verify.ts";

/** What the program needs of its process. */
export interface Process {
  readonly environment: NodeJS.ProcessEnv;
  readonly startupScript: { readonly path: string; readonly text: string };
  print(line: string): void;
  complain(line: string): void;
  sleep(milliseconds: number): Promise<void>;
  /** Starts gcloud and kubectl. */
  readonly runProgram: RunProgram;
}

/** Runs one command line. Gives the exit code: 0 done, 1 failed, 2 something differs. */
export async function runEgress(argv: readonly string[], process: Process): Promise<number> {
  try {
    const read = readCommandLine(argv, process.environment);
    if (!read) {
      process.print(usage());
      return 0;
    }
    const { settings, options } = read;
    const quiet = options.json || options.script;
    const session: Session = {
      settings,
      options,
      gcloud: new Gcloud(settings.project, process.startupScript.path, process.environment, process.runProgram),
      environment: process.environment,
      script: process.startupScript.text,
      say: quiet ? process.complain : process.print,
      json: (value) => process.print(JSON.stringify(value, null, 2)),
      sleep: process.sleep,
      runProgram: process.runProgram,
    };
    return await subcommands[options.command](session, process);
  } catch (error) {
    if (!(error instanceof EgressError)) throw error;
    process.complain(error.message);
    return 1;
  }
}

const subcommands: Record<CommandName, (session: Session, process: Process) => Promise<number>> = {
  advise: runAdvise,
  plan: runPlan,
  up: runUp,
  status: runStatus,
  verify: runVerify,
  failover: runFailover,
  down: runDown,
};

interface Read {
  readonly around: Surroundings;
  readonly landscape: Landscape;
  readonly warnings: readonly string[];
  readonly plan: Plan;
}

async function readAll(session: Session): Promise<Read> {
  const { gcloud, settings, script } = session;
  const [around, landscape] = await Promise.all([readSurroundings(gcloud, settings), readLandscape(gcloud, settings)]);
  const warnings = checkNetwork(settings, around, landscape);
  return {
    around,
    landscape,
    warnings,
    plan: makePlan(wantedResources(settings, around, landscape, script), landscape, settings),
  };
}

async function runAdvise(session: Session): Promise<number> {
  const advice = advise(session.settings, await readSurroundings(session.gcloud, session.settings));
  for (const line of advice.lines) session.say(line);
  if (advice.commands.length > 0) session.say(`The managed way:\n  ${advice.commands.join("\n  ")}`);
  if (session.options.json) session.json(advice);
  return 0;
}

function describePlan(session: Session, { plan, warnings }: { plan: Plan; warnings: readonly string[] }): void {
  const signs = { create: "+", update: "~", replace: "±", delete: "-", wait: "…" };
  for (const warning of warnings) session.say(`Warning: ${warning}`);
  if (!hasChanges(plan)) session.say("Everything is as wanted.");
  for (const step of plan.steps) {
    session.say(`${signs[step.action]} ${step.kind} ${step.name}: ${step.reasons.join("; ")}`);
    for (const command of step.commands) session.say(`    ${shellCommand(command)}`);
    if (step.action === "replace" && step.kind === "instance") {
      session.say("    The VM is made anew: about a minute without a path; the address stays.");
    }
  }
  const routes = plan.steps.filter((step) => step.kind === "route");
  if (routes.length > 0) session.say("A route that comes or goes resets the connections that are open at that moment.");
}

async function runPlan(session: Session, process: Process): Promise<number> {
  const read = await readAll(session);
  const cost = monthlyCost(session.settings);
  describePlan(session, read);
  for (const line of costLines(cost)) session.say(line);
  const changes = hasChanges(read.plan);
  if (session.options.script) process.print(shellScript(read.plan, session.settings).trimEnd());
  else if (session.options.json) {
    session.json({
      changes,
      address: read.landscape.fixedIp ?? null,
      steps: read.plan.steps.map(({ undo: _, place: __, ...step }) => step),
      warnings: read.warnings,
      cost,
    });
  }
  return changes ? 2 : 0;
}

async function runUp(session: Session): Promise<number> {
  const read = await readAll(session);
  const advice = advise(session.settings, read.around);
  if (advice.managedWay === "open" && !session.options.force) {
    for (const line of advice.lines) session.say(line);
    throw new EgressError(`Nothing was changed. The managed way:\n  ${advice.commands.join("\n  ")}`);
  }
  for (const warning of read.warnings) session.say(`Warning: ${warning}`);
  if (hasChanges(read.plan)) await carryOut(session, read.plan);
  else session.say("Everything is as wanted.");
  const { fixedIp } = hasChanges(read.plan) ? await readLandscape(session.gcloud, session.settings) : read.landscape;
  session.say(
    `Let on-prem allow ${fixedIp}, TCP ${session.settings.onpremPorts.join(", ")}. Check with \`status\` and \`verify\`.`,
  );
  if (session.options.json) session.json({ changed: hasChanges(read.plan), address: fixedIp ?? null });
  return 0;
}

async function runStatus(session: Session): Promise<number> {
  const { landscape, plan, warnings } = await readAll(session);
  const drift = plan.steps.filter((step) => step.commands.length > 0);
  const troubles = landscape.existing.flatMap((one) => one.warnings.map((text) => `${one.kind} ${one.name}: ${text}`));
  const inactive = landscape.existing
    .filter((one) => one.kind === "route" && one.facts.status !== "ACTIVE")
    .map((one) => `route ${one.name} is ${one.facts.status}`);
  for (const one of landscape.existing) {
    const facts = Object.entries(one.facts).filter(([, value]) => value !== "");
    session.say(
      `${one.kind} ${one.name}${one.owned ? "" : " (not ours)"}: ${facts.map((pair) => pair.join(" ")).join(", ")}`,
    );
  }
  for (const trouble of [...warnings, ...troubles, ...inactive]) session.say(`Warning: ${trouble}`);
  for (const step of drift)
    session.say(`Differs: ${step.action} ${step.kind} ${step.name}: ${step.reasons.join("; ")}`);
  const healthy = troubles.length === 0 && inactive.length === 0;
  if (drift.length === 0 && healthy) session.say(`In order; on-prem sees ${landscape.fixedIp}.`);
  if (session.options.json) {
    session.json({
      address: landscape.fixedIp ?? null,
      healthy,
      troubles: [...troubles, ...inactive],
      warnings,
      drift: drift.map(({ action, kind, name, reasons }) => ({ action, kind, name, reasons })),
      resources: landscape.existing.map(({ kind, name, owned, facts }) => ({ kind, name, owned, facts })),
    });
  }
  return healthy ? (drift.length > 0 ? 2 : 0) : 1;
}

async function runVerify(session: Session): Promise<number> {
  const { around, landscape, plan } = await readAll(session);
  const findings = await verify(session, around, landscape, plan.place);
  for (const { claim, outcome, detail } of findings) session.say(`${outcome}: ${claim} (${detail})`);
  if (session.options.json) session.json({ address: landscape.fixedIp ?? null, findings });
  return findings.some((one) => one.outcome === "fails") ? 1 : 0;
}

async function runFailover(session: Session): Promise<number> {
  const { around, landscape } = await readAll(session);
  const plan = failoverPlan(session.settings, around, landscape, session.script);
  await carryOut(session, plan);
  session.say(`The NAT runs in ${plan.place.zone} as ${plan.place.instance}, with the address ${landscape.fixedIp}.`);
  session.say("The old VM is left as it is; the next `up` removes it.");
  return 0;
}

async function runDown(session: Session): Promise<number> {
  const { settings, options, gcloud } = session;
  const landscape = await readLandscape(gcloud, settings);
  const steps = removal(settings, landscape, options.releaseIp);
  for (const step of steps) {
    session.say(`delete ${step.kind} ${step.name}`);
    for (const command of step.commands) {
      try {
        await gcloud.text(command);
      } catch (error) {
        throw new EgressError(`${errorText(error)}\nWhat is left can be removed by \`down\` again.`);
      }
    }
  }
  if (steps.length === 0) session.say("Nothing of ours is there.");
  const kept = keptAddress(settings, landscape, options.releaseIp);
  if (kept) session.say(kept);
  if (options.json) session.json({ deleted: steps.map(({ kind, name }) => ({ kind, name })), kept: kept ?? null });
  return 0;
}
