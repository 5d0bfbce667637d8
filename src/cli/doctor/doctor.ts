/**
 * `suiro doctor`: looks at everything that a configuration needs, and at the agent that runs: the configuration, the
 * accounts, buffers with their journals, permissions, disk space, certificates, the clock. Changes nothing.
 */

import { dirname, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { PluginView } from "../../agent.ts";
import type { SystemConfig } from "../../config/system.ts";
import type { AgentStatus, PluginStatus } from "../../metrics/status.ts";
import { unexplained } from "../../output/accounts.ts";
import { BufferedOutput } from "../../output/buffered-output.ts";
import { inputAccountsPath } from "../../pipeline/input-accounts.ts";
import { certificatePaths, certificatesOf } from "../../tls/certificate-expiry.ts";
import { createFromConfiguration, readConfiguration, withoutPosition } from "../configuration.ts";
import { agentStatusAt, type ControlTarget, runningAgents } from "../control-client.ts";
import { accountText, bufferFindings, folderFindings } from "./buffers.ts";
import { type Finding, failed, ok, warning } from "./findings.ts";
import { flowFindings, isSettled, savedFlowFindings } from "./inputs.ts";

export interface DoctorOptions extends ControlTarget {
  readonly config: string;
  readonly json?: boolean;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 14;
/** Events on their way make the sums differ for a moment. */
const LOOKS = 20;
const LOOK_AGAIN_MS = 50;
/** Nothing of Suiro is older: a clock before this was never set. */
const EARLIEST_MS = Date.UTC(2025, 0, 1);

/** Gives 1 when something failed, else 0. */
export async function doctor(
  options: DoctorOptions,
  print: (text: string) => void = (text) => void process.stdout.write(text),
): Promise<number> {
  const findings = await examine(options);
  const failures = findings.filter(({ verdict }) => verdict === "failed").length;
  if (options.json) print(`${JSON.stringify({ ok: failures === 0, findings })}\n`);
  else {
    for (const { verdict, subject, message } of findings) print(`${verdict.padEnd(7)}  ${subject}: ${message}\n`);
    const warnings = findings.filter(({ verdict }) => verdict === "warning").length;
    print(`${findings.length} findings, ${warnings} warnings, ${failures} failed\n`);
  }
  return failures > 0 ? 1 : 0;
}

async function examine(options: DoctorOptions): Promise<Finding[]> {
  const { root, plugins, problems } = await readConfiguration(options);
  const created = root && createFromConfiguration(root, plugins);
  const errors = [...problems.errors, ...(created?.problems.errors ?? [])];
  const configuration = errors.map((error) => {
    const { file, line } = error.position ?? { file: options.config, line: 0 };
    return failed(`${file}:${line}`, withoutPosition(error));
  });
  if (configuration.length === 0) configuration.push(ok(options.config, "the configuration is good"));
  const views = created?.agent?.plugins ?? [];
  const found = await runningAgent(options, views);
  const status = "verdict" in found ? undefined : found;
  const agent = "verdict" in found ? [found] : agentFindings(found);
  if (!status && created) agent.push(...inputFindings(views, created.system));
  const running = status ? foldersOf(status) : new Set<string>();
  const buffers: Finding[] = [];
  for (const view of views) buffers.push(...(await pluginFindings(view, running)));
  return [...configuration, ...agent, ...buffers, ...views.flatMap(certificateFindings), clockFinding()];
}

/**
 * The state of the running agent, at a moment when its sums are right where there is one. Of several it is the one that
 * has a buffer of `views`; else a finding says that nobody knows which is meant.
 */
async function runningAgent(target: ControlTarget, views: readonly PluginView[]): Promise<AgentStatus | Finding> {
  const agents = await runningAgents(target);
  const owner = agents.find(({ status }) => {
    const folders = foldersOf(status);
    return views.some(
      ({ plugin }) => plugin instanceof BufferedOutput && plugin.place && isIn(folders, plugin.place.path),
    );
  });
  const agent = owner ?? (agents.length === 1 ? agents[0] : undefined);
  if (!agent) {
    if (agents.length === 0) return ok("agent", "none of this user's runs");
    const pids = agents.map(({ status }) => status.pid).join(", ");
    return warning(
      "agent",
      `none with a buffer of this configuration runs; if it is one of these, choose it with --pid: ${pids}`,
    );
  }
  let { status } = agent;
  for (let looks = 1; looks < LOOKS && !(addsUp(status) && isSettled(status)); looks++) {
    await wait(LOOK_AGAIN_MS);
    status = (await agentStatusAt(agent.path)) ?? status;
  }
  return status;
}

/** The folders of its buffers. */
function foldersOf({ plugins }: AgentStatus): ReadonlySet<string> {
  return new Set(plugins.flatMap(({ buffer }) => buffer?.folder ?? []));
}

/** Whether one of the folders is that of the chunks that `path` says. */
function isIn(folders: ReadonlySet<string>, path: string): boolean {
  return folders.has(resolve(path)) || folders.has(dirname(resolve(path))) || folders.has(path);
}

function addsUp({ plugins }: AgentStatus): boolean {
  return plugins.every(({ account }) => !account || unexplained(account) === 0);
}

/** Where the agent of this configuration keeps the ledgers of its inputs, when it does not run. */
function inputFindings(views: readonly PluginView[], system: SystemConfig): Finding[] {
  const places = views.flatMap(({ plugin }) => (plugin instanceof BufferedOutput && plugin.place) || []);
  const path = inputAccountsPath(system, places);
  return path === undefined ? [] : savedFlowFindings(path);
}

function agentFindings(status: AgentStatus): Finding[] {
  const found: Finding[] = [ok("agent", `process ${status.pid} runs, suiro ${status.version}`)];
  for (const plugin of status.plugins) {
    const { id, kind, owner, isRunning, nodes = [], buffer } = plugin;
    if (owner === undefined && !isRunning)
      found.push(failed(`${kind} ${id}`, "it is not running; see the agent's log"));
    for (const node of nodes)
      if (!node.isAvailable) found.push(warning(`${kind} ${id}`, `receiver ${node.name} is away`));
    if (buffer && buffer.bytes >= buffer.limitBytes) found.push(failed(`${kind} ${id}`, "its buffer is full"));
    if (plugin.account) found.push(accountFinding(plugin));
  }
  found.push(...flowFindings(status));
  return found;
}

function accountFinding(plugin: PluginStatus): Finding {
  const account = plugin.account as NonNullable<PluginStatus["account"]>;
  const subject = `accounts of ${plugin.id}`;
  const rest = unexplained(account);
  if (rest === 0) return ok(subject, accountText(account));
  return warning(subject, `${rest} events are on their way, or unexplained: ${accountText(account)}`);
}

async function pluginFindings({ id, plugin, element }: PluginView, running: ReadonlySet<string>): Promise<Finding[]> {
  const found: Finding[] = [];
  if (plugin instanceof BufferedOutput && plugin.place) {
    const { path, pathSuffix } = plugin.place;
    const isInUse = isIn(running, path);
    const limitBytes = plugin.stats().totalLimitBytes;
    found.push(...(await bufferFindings({ id, path, pathSuffix, limitBytes, isInUse })));
  }
  const posFile = element.text("pos_file");
  if (posFile !== undefined) found.push(...folderFindings(`pos_file of ${id}`, dirname(resolve(posFile))));
  return found;
}

function certificateFindings({ id, element }: PluginView): Finding[] {
  const subject = `certificates of ${id}`;
  const read = certificatesOf(element);
  const unread = [...new Set(certificatePaths(element))].filter((path) => !read.some((found) => found.path === path));
  return [
    ...unread.map((path) => warning(subject, `${path} holds no certificate that can be read, or is a bundle`)),
    ...read.map(({ path, subject: name, notBeforeMs, expiresMs }) => {
      const now = Date.now();
      const days = Math.floor((expiresMs - now) / DAY_MS);
      const what = `${path} (${name})`;
      if (expiresMs <= now) return failed(subject, `${what} expired ${-days} days ago; renew it`);
      if (notBeforeMs > now) return failed(subject, `${what} is not valid yet: is the clock right?`);
      if (days < SOON_DAYS) return warning(subject, `${what} expires in ${days} days`);
      return ok(subject, `${what} is valid for ${days} days`);
    }),
  ];
}

function clockFinding(): Finding {
  const now = new Date();
  if (now.getTime() < EARLIEST_MS) return failed("clock", `it shows ${now.toISOString()}: it was never set`);
  return ok("clock", `it shows ${now.toISOString()}`);
}
