/** Commands as a person would type them. */

import { type GcloudArguments, startupScriptPlace } from "./gcloud.ts";
import type { Plan, Step } from "./plan.ts";
import type { Settings } from "./settings.ts";

const harmless = /^[A-Za-z0-9_\-=:,./@]+$/;

function quoted(word: string): string {
  if (word.includes(startupScriptPlace)) return `"${word.replace(startupScriptPlace, "$STARTUP_SCRIPT")}"`;
  return harmless.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function shellCommand(command: GcloudArguments, project?: string): string {
  const words = ["gcloud", ...command, ...(project ? [`--project=${project}`] : [])];
  return words.map(quoted).join(" ");
}

/** The plan as a script that stops at the first failure and can be read from top to bottom. */
export function shellScript(plan: Plan, settings: Settings): string {
  const lines = [
    "#!/bin/bash",
    "# Fixed egress address for GKE nodes. Run from the top folder of the project, or set STARTUP_SCRIPT.",
    "# Stops at the first failure; a new plan then holds what is left to do.",
    "set -euo pipefail",
    `export CLOUDSDK_CORE_PROJECT=${settings.project} CLOUDSDK_CORE_DISABLE_PROMPTS=1`,
    "STARTUP_SCRIPT=$" + "{STARTUP_SCRIPT:-infra/egress/startup.sh}",
    'test -r "$STARTUP_SCRIPT"',
  ];
  for (const step of plan.steps) {
    lines.push("", `# ${step.action} ${step.kind} ${step.name}: ${step.reasons.join("; ")}`);
    lines.push(...(step.action === "wait" ? waiting(step) : step.commands.map((command) => shellCommand(command))));
  }
  if (plan.steps.length === 0) lines.push("", "# Everything is as wanted.");
  return `${lines.join("\n")}\n`;
}

function waiting(step: Step): string[] {
  const read = ["compute", "instances", "get-serial-port-output", step.name, `--zone=${step.place?.zone}`];
  return [
    "for attempt in $(seq 60); do",
    `  if ${shellCommand(read)} 2>/dev/null | grep 'nat-startup:' | tail -n 1 | grep 'nat-startup: ready'; then break; fi`,
    '  test "$attempt" -lt 60',
    "  sleep 5",
    "done",
  ];
}
