/** The ledgers of inputs: each adds up, and none says more of a buffer than that has received. */

import type { LedgerReport } from "../../event/ledger.ts";
import type { AgentStatus } from "../../metrics/status.ts";
import { readInputs, savedUnderway } from "../../pipeline/input-accounts.ts";
import { type Finding, failed, ok, warning } from "./findings.ts";

/** Of a running agent. */
export function flowFindings({ plugins }: AgentStatus): Finding[] {
  const flows = plugins.flatMap(({ id, flow }) => (flow ? [{ id, flow }] : []));
  const findings = flows.map(({ id, flow }) => flowFinding(id, flow));
  for (const { id, account } of plugins) {
    const taken = takenBy(id, flows);
    if (account && taken > account.received) findings.push(contradiction(id, taken, account.received));
  }
  return findings;
}

/** Whether no events of any input are on their way. */
export function isSettled({ plugins }: AgentStatus): boolean {
  return plugins.every(({ flow }) => !flow || flow.underway === 0);
}

/** Of an agent that does not run, as its file at `path` says. */
export function savedFlowFindings(path: string): Finding[] {
  const saved = readInputs(path);
  if (!saved) return [];
  return Object.entries(saved.inputs).map(([id, ledger]) => {
    const underway = savedUnderway(ledger);
    const flow = { ...ledger, entries: { ...ledger.entries }, underway: 0 };
    const text = flowText(flow);
    if (underway === 0) return ok(`accounts of ${id}`, text);
    return ok(
      `accounts of ${id}`,
      `${text} + ${underway} on their way when the process ended: nobody was told of them`,
    );
  });
}

function flowFinding(id: string, flow: LedgerReport): Finding {
  const subject = `accounts of ${id}`;
  if (flow.underway === 0) return ok(subject, flowText(flow));
  if (flow.underway < 0) return failed(subject, `${-flow.underway} events more than were received: ${flowText(flow)}`);
  return warning(subject, `${flow.underway} events are on their way: ${flowText(flow)}`);
}

function contradiction(id: string, taken: number, received: number): Finding {
  const message = `inputs say that it took ${taken} events, and it has received ${received}`;
  return failed(`accounts of ${id}`, message);
}

function takenBy(output: string, flows: readonly { readonly flow: LedgerReport }[]): number {
  return flows.reduce((sum, { flow }) => sum + (flow.entries[`taken/${output}`] ?? 0), 0);
}

/** `5 received = 3 taken by out + 2 filtered by grep`; what stands on the left, too, was added on the way. */
export function flowText({ handedOver, entries }: LedgerReport): string {
  const left = [`${handedOver} received`];
  const right: string[] = [];
  for (const [entry, events] of Object.entries(entries)) {
    if (events === 0) continue;
    const [what, by] = entry.split("/", 2) as [string, string?];
    if (what === "copied") left.push(`${events} copied`);
    else if (what === "untold") left.push(`${events} taken, and refused all the same`);
    else if (what === "dropped") right.push(`${events} dropped (${by})`);
    else right.push(by === undefined ? `${events} ${what}` : `${events} ${what} by ${by}`);
  }
  return `${left.join(" + ")} = ${right.join(" + ") || "0"}`;
}
