/** `--user` and `--group`: the process gives up root before any input or output starts. */

import { execFileSync } from "node:child_process";
import { errorMessage, SuiroError } from "../errors.ts";
import { type LogDestination, LogFile } from "./log-destination.ts";

/**
 * Becomes `user` and `group`, names or numbers, for good; the log file is handed over first. Without `group` the
 * user's own group is taken. Throws SuiroError.
 */
export function dropPrivileges(user: string | undefined, group: string | undefined, log: LogDestination): void {
  if (user === undefined && group === undefined) return;
  if (!process.setuid || !process.setgid || !process.setgroups || !process.getuid || !process.getgid) {
    throw new SuiroError("CONFIG", "--user and --group: this system has no users to change to");
  }
  const uid = user === undefined ? process.getuid() : (ask("-u", user)[0] as number);
  const userGroups = user === undefined ? [process.getgid()] : [...ask("-g", user), ...ask("-G", user)];
  const gid = group === undefined ? (userGroups[0] as number) : groupId(group);
  try {
    if (log instanceof LogFile) log.changeOwner(uid, gid);
    if (process.getuid() === 0) process.setgroups([gid, ...userGroups]);
    process.setgid(gid);
    process.setuid(uid);
  } catch (error) {
    throw new SuiroError("CONFIG", `cannot become user ${uid}, group ${gid}; start as root: ${errorMessage(error)}`);
  }
}

/** What the system's `id` says about a user: `-u` its number, `-g` its group, `-G` all of its groups. */
function ask(option: "-u" | "-g" | "-G", user: string): number[] {
  return numbers("id", [option, "--", user], `--user ${user}: there is no such user`);
}

function groupId(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const args = ["-c", 'getent group "$1" | cut -d: -f3', "sh", group];
  return numbers("sh", args, `--group ${group}: there is no such group`)[0] as number;
}

function numbers(command: string, args: readonly string[], failure: string): number[] {
  let answer = "";
  try {
    answer = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch (error) {
    throw new SuiroError("CONFIG", failure, { cause: error });
  }
  if (!/^\d+( \d+)*$/.test(answer)) throw new SuiroError("CONFIG", failure);
  return answer.split(" ").map(Number);
}
