/**
 * A small Google network in network namespaces, with the shape that matters for NAT:
 *
 *   node 10.128.0.2, pods 10.8.1.0/24 ─┐                               ┌─ onprem 198.51.100.10
 *   other-vm 10.128.0.3 ───────────────┤ fabric: tagged route, firewall ├
 *   nat 10.128.0.5 (one NIC, /32) ─────┘ canIpForward, 1:1 addresses    └─ other 192.0.2.10
 *
 * The fabric plays the VPC: packets of the node (and of whoever else bears its tag) to the on-prem range go to `nat`; a
 * machine without canIpForward sends and receives only its own address; what leaves to the internet gets the external
 * address of its machine, and what has none is dropped.
 * Everything lives in namespaces of a holder process: nothing of the host changes, and all is gone with the holder.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ChildProgram } from "../../support/child-program.ts";

export const address = {
  node: "10.128.0.2",
  pod: "10.8.1.7",
  otherVm: "10.128.0.3",
  nat: "10.128.0.5",
  onprem: "198.51.100.10",
  other: "192.0.2.10",
  nodeExternal: "203.0.113.2",
  otherVmExternal: "203.0.113.3",
  fixed: "203.0.113.10",
} as const;

export type Place = "node" | "other-vm" | "nat" | "fabric" | "onprem" | "other";

/** How the fabric behaves; each member can be changed while the lab runs. */
export interface Fabric {
  /** Machines that bear the node tag: their packets to on-prem take the route through the NAT VM. */
  tagged: readonly Place[];
  canIpForward: boolean;
  /** Sources that the VPC firewall lets in to the NAT VM. */
  allowedSources: readonly string[];
  allowedPort: number;
}

/** Which packet filter the NAT VM has: nftables, iptables on top of it, or the older iptables alone. */
export type Backend = "nft" | "iptables" | "iptables-legacy";

export interface Finished {
  readonly code: number;
  readonly output: string;
}

const probe = join(dirname(fileURLToPath(import.meta.url)), "probe.js");
const needed = ["ip", "nft", "iptables", "tcpdump", "conntrack", "curl", "unshare", "nsenter", "sysctl"];
const unshareOptions = ["--net", "--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])];

/** For node:test's `skip`: false where the lab can run, else the reason. In CI a missing lab is a failure, not a skip. */
export const withoutLab: string | false = reasonAgainstLab();

function reasonAgainstLab(): string | false {
  const missing = needed.filter((command) => spawnSync("sh", ["-c", `command -v ${command}`]).status !== 0);
  let reason: string | false = missing.length > 0 && `needs the commands ${missing.join(", ")}`;
  if (!reason) {
    const script = "mount -t tmpfs tmpfs /run && ip netns add a && ip netns exec a nft add table ip t";
    const tried = spawnSync("unshare", [...unshareOptions, "sh", "-ec", script], { encoding: "utf8" });
    if (tried.status !== 0) reason = `network namespaces cannot be made here: ${tried.stderr.trim()}`;
  }
  if (reason && process.env.CI) throw new Error(`The network lab must run in CI, but it ${reason}.`);
  return reason;
}

/** The same for tests with the older iptables, which user namespaces do not have. */
export const withoutLegacy: string | false =
  withoutLab ||
  (spawnSync("unshare", ["--net", "iptables-legacy", "-t", "nat", "-L", "-n"]).status !== 0 &&
    "iptables-legacy does not work here");

/** The same for tests that capture: tcpdump changes its user, which a user namespace forbids. */
export const withoutCapture: string | false =
  withoutLab || (process.getuid?.() !== 0 && "captures need root: tcpdump changes its user");

export class NetworkLab {
  readonly folder = mkdtempSync(join(tmpdir(), "suiro-lab-"));
  readonly #holder: ChildProcess;
  readonly #programs: ChildProgram[] = [];
  #receiver: ChildProgram | undefined;
  #isLegacy = false;
  #startUp: Parameters<NetworkLab["startUp"]> = [""];
  #fabric: Fabric = {
    tagged: ["node"],
    canIpForward: true,
    allowedSources: [address.node, "10.8.0.0/14"],
    allowedPort: 24224,
  };

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async start(): Promise<NetworkLab> {
    const script = "mount -t tmpfs tmpfs /run && mkdir /run/netns && echo up && exec sleep infinity";
    const holder = spawn("unshare", [...unshareOptions, "sh", "-ec", script], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve, reject) => {
      holder.stdout?.once("data", resolve);
      holder.once("exit", () => reject(new Error("the lab's holder ended at once")));
    });
    const lab = new NetworkLab(holder);
    cpSync("/etc/alternatives", join(lab.folder, "etc/alternatives"), { recursive: true, verbatimSymlinks: true });
    for (const name of ["passwd", "group", "nsswitch.conf", "protocols", "services", "ld.so.cache"]) {
      cpSync(`/etc/${name}`, join(lab.folder, "etc", name), { force: true });
    }
    lab.#build();
    lab.apply({});
    await lab.#serveMetadata();
    return lab;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop("SIGKILL")));
    this.#holder.kill("SIGKILL");
    await new Promise((resolve) => this.#holder.once("exit", resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a shell script at a place and waits for its end. */
  run(place: Place, script: string): Finished {
    const { status, stdout, stderr } = spawnSync("nsenter", this.#inside(place, ["bash", "-c", script]), {
      encoding: "utf8",
    });
    return { code: status ?? -1, output: `${stdout}${stderr}`.trim() };
  }

  /** Starts a program at a place; it ends with the lab. */
  start(place: Place, command: readonly string[]): ChildProgram {
    const program = ChildProgram.start("nsenter", this.#inside(place, command));
    this.#programs.push(program);
    return program;
  }

  /** Counts what the fabric forwards from now on: one nft expression, one number. Needs no capture, and so no root. */
  watch(...expressions: string[]): () => number[] {
    const rules = expressions.map((expression) => `add rule ip watch forward ${expression} counter`);
    const chain = "add chain ip watch forward { type filter hook forward priority 10; }";
    this.#must(
      "fabric",
      `nft -f - <<'NFT'\nadd table ip watch\ndelete table ip watch\nadd table ip watch\n${chain}\n${rules.join("\n")}\nNFT\n`,
    );
    return () => {
      const { output } = this.run("fabric", "nft list table ip watch");
      return [...output.matchAll(/counter packets (\d+)/g)].map((match) => Number(match[1]));
    };
  }

  /** Starts tcpdump at a place and waits until it listens. */
  async capture(place: Place, ...options: string[]): Promise<ChildProgram> {
    const seen = this.start(place, ["tcpdump", "-n", ...options]);
    await seen.waitFor("listening on");
    return seen;
  }

  async serve(place: Place, port: number): Promise<void> {
    const server = this.start(place, [process.execPath, probe, "serve", String(port)]);
    await server.waitFor("serving");
    if (place === "onprem" && port === 24224) this.#receiver = server;
  }

  /** The receiver writes on every open connection without being asked. */
  speakFromOnprem(): void {
    this.#receiver?.kill("SIGUSR1");
  }

  /** The address that the far end sees, or the reason why there is no connection. */
  connect(place: Place, host: string, port = 24224, from = ""): string {
    return this.run(place, `exec '${process.execPath}' '${probe}' connect ${host} ${port} ${from}`).output;
  }

  upload(place: Place, host: string, byteSize: number): string {
    return this.run(place, `exec '${process.execPath}' '${probe}' upload ${host} 24224 ${byteSize}`).output;
  }

  /** An open connection that sends lines from its standard input and prints what the server answers. */
  talk(place: Place, host: string): ChildProgram {
    return this.start(place, [process.execPath, probe, "talk", host, "24224"]);
  }

  /** Changes how the fabric behaves. */
  apply(change: Partial<Fabric>): void {
    this.#fabric = { ...this.#fabric, ...change };
    const { tagged, canIpForward, allowedSources, allowedPort } = this.#fabric;
    const rules = tagged.map((place) => `ip rule add iif f-${place} lookup 100`).join("\n");
    this.#must(
      "fabric",
      `while ip rule del lookup 100 2>/dev/null; do :; done
      ${rules}
      nft -f - <<'NFT'
      table ip vpc
      delete table ip vpc
      table ip vpc {
        chain forward {
          type filter hook forward priority filter; policy accept;
          ${canIpForward ? "" : `iifname f-nat ip saddr != ${address.nat} drop; oifname f-nat ip daddr != ${address.nat} drop;`}
          oifname f-nat ct state established,related accept
          oifname f-nat ip saddr { ${allowedSources.join(", ")} } ip daddr 198.51.100.0/24 tcp dport ${allowedPort} accept
          oifname f-nat drop
          oifname { f-onprem, f-other } ip saddr != { ${address.node}, ${address.otherVm}, ${address.nat} } drop
        }
        chain inbound {
          type nat hook prerouting priority dstnat;
          iifname { f-onprem, f-other } ip daddr ${address.fixed} dnat to ${address.nat}
        }
        chain outbound {
          type nat hook postrouting priority srcnat;
          oifname { f-onprem, f-other } snat to ip saddr map {
            ${address.node} : ${address.nodeExternal}, ${address.otherVm} : ${address.otherVmExternal}, ${address.nat} : ${address.fixed} }
        }
      }
NFT`,
    );
  }

  /** Runs the start-up script in the NAT VM as Google's guest agent would: as root, its settings from the metadata. */
  startUp(script: string, options: { backend?: Backend; attributes?: Record<string, string> } = {}): Finished {
    this.#startUp = [script, options];
    const file = join(this.folder, "startup-script");
    writeFileSync(file, script, { mode: 0o755 });
    writeFileSync(
      join(this.folder, "attributes.json"),
      JSON.stringify({
        "onprem-cidrs": "198.51.100.0/24",
        "onprem-ports": "24224",
        "source-cidrs": "10.128.0.0/20,10.8.0.0/14",
        ...options.attributes,
      }),
    );
    const { backend = "nft" } = options;
    const hideNft = backend === "nft" ? ":" : 'mount --bind /dev/null "$(readlink -f "$(command -v nft)")"';
    if (backend === "iptables-legacy") this.#useLegacyIptables();
    return this.inNat(`${hideNft}; '${file}'`);
  }

  /** The last start-up once more, as at a reboot. */
  repeatStartUp(): Finished {
    return this.startUp(...this.#startUp);
  }

  /** Every rule of the NAT VM, without its counters. */
  rules(): string {
    const { output } = this.run("nat", `nft list ruleset; ${this.#isLegacy ? "iptables-legacy-save" : ":"}`);
    return output.replaceAll(/packets \d+ bytes \d+|\[\d+:\d+\]|^#.*$/gm, "");
  }

  /** Takes every rule of the NAT VM away, as a reboot does. */
  clearRules(): void {
    const tables = this.#isLegacy ? "nat filter mangle" : "";
    this.run(
      "nat",
      `nft flush ruleset; for t in ${tables}; do iptables-legacy -t $t -F; iptables-legacy -t $t -X; done`,
    );
  }

  get fabric(): Fabric {
    return this.#fabric;
  }

  /** Runs a script in the NAT VM with its own /etc, which outlives the machine as its disk does. */
  inNat(script: string): Finished {
    return this.run("nat", `mount --bind '${join(this.folder, "etc")}' /etc; ${script}`);
  }

  /**
   * A new NAT VM with the same addresses, an empty connection table and a new disk. What Google's firewall remembers of
   * the old VM's connections is `lost` or `kept`; only the live network can say which, so both are tried.
   */
  async replaceNat(tracking: "lost" | "kept"): Promise<void> {
    this.#must("fabric", "ip link del f-nat");
    this.#host("ip netns pids nat | xargs -r kill -9; ip netns del nat");
    rmSync(join(this.folder, "etc/suiro-nat"), { recursive: true, force: true });
    if (tracking === "lost") this.run("fabric", `conntrack -D -s ${address.nat}`);
    this.#buildNat();
    await this.#serveMetadata();
  }

  /** Waits until the receiver has nothing left to send again. */
  settle(): void {
    while (this.run("onprem", "ss -tinH 'sport = :24224'").output.includes("unacked"));
  }

  /** The alternatives of the VM's own /etc point to the iptables that does not go through nftables. */
  #useLegacyIptables(): void {
    for (const name of ["iptables", "iptables-restore", "iptables-save"]) {
      const link = join(this.folder, "etc/alternatives", name);
      rmSync(link, { force: true });
      symlinkSync(`/usr/sbin/${name.replace("iptables", "iptables-legacy")}`, link);
    }
    this.#isLegacy = true;
  }

  async #serveMetadata(): Promise<void> {
    const file = join(this.folder, "attributes.json");
    await this.start("nat", [process.execPath, probe, "metadata", file]).waitFor("serving");
  }

  #build(): void {
    mkdirSync(join(this.folder, "etc"), { recursive: true });
    this.#host("for n in fabric node other-vm onprem other; do ip netns add $n; ip -n $n link set lo up; done");
    this.#must(
      "fabric",
      "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.all.rp_filter=0",
    );
    this.#machine("node", address.node);
    this.#machine("other-vm", address.otherVm);
    this.#outside("onprem", address.onprem);
    this.#outside("other", address.other);
    this.#must("node", `ip addr add ${address.pod}/32 dev lo`);
    this.#must("fabric", "ip route add 10.8.1.0/24 via 10.128.0.2 dev f-node onlink");
    // As in Google's network, a route whose next hop is gone drops packets; they do not take another route.
    this.#must("fabric", "ip route add blackhole 198.51.100.0/24 metric 1000 table 100");
    this.#buildNat();
  }

  #buildNat(): void {
    this.#host("ip netns add nat; ip -n nat link set lo up; ip -n nat addr add 169.254.169.254/32 dev lo");
    this.#machine("nat", address.nat);
    // What Google's images set in 60-gce-network-security.conf.
    this.#must("nat", "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.ens4.rp_filter=1");
    this.#must("fabric", `ip route replace 198.51.100.0/24 via ${address.nat} dev f-nat onlink table 100`);
  }

  /** A machine of the VPC: one NIC with a /32 address, the gateway on the link. */
  #machine(place: Place, ip: string): void {
    this.#link(place, ip, 1460);
    this.#must(place, "ip route add 10.128.0.1 dev ens4 && ip route add default via 10.128.0.1 dev ens4");
  }

  #outside(place: Place, ip: string): void {
    this.#link(place, ip, 1500);
    this.#must(place, "ip route add 10.128.0.1 dev ens4 && ip route add default via 10.128.0.1 dev ens4 onlink");
  }

  #link(place: Place, ip: string, mtu: number): void {
    const far = `f-${place}`;
    this.#host(`ip -n ${place} link add ens4 mtu ${mtu} type veth peer name ${far} mtu ${mtu} netns fabric`);
    this.#must(place, `ip addr add ${ip}/32 dev ens4; ip link set ens4 up`);
    // Errors of the fabric bear its own address and travel back through the NAT VM, hence accept_local.
    this.#must(
      "fabric",
      `ip addr add 10.128.0.1/32 dev ${far}; ip link set ${far} up; ip route add ${ip}/32 dev ${far}
      sysctl -qw net.ipv4.conf.${far}.rp_filter=0 net.ipv4.conf.${far}.accept_local=1`,
    );
  }

  #must(place: Place, script: string): void {
    const { code, output } = this.run(place, `set -e; ${script}`);
    if (code !== 0) throw new Error(`${place}: ${script}\n${output}`);
  }

  #host(script: string): void {
    const { status, stderr } = spawnSync("nsenter", [...this.#enter(), "bash", "-ec", script], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${script}\n${stderr}`);
  }

  #enter(): string[] {
    const user = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
    return ["--target", String(this.#holder.pid), "--net", "--mount", ...user, "--"];
  }

  #inside(place: Place, command: readonly string[]): string[] {
    return [...this.#enter(), "ip", "netns", "exec", place, ...command];
  }
}
