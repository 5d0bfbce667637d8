/**
 * The command line: fluentd's flags for the default command, and Suiro's own subcommands. The only importer of
 * commander. Subcommands are loaded when they are called, so that a start reads no code that it does not need.
 *
 * Every flag of fluentd is honoured, taken without effect, or refused by name. Source: fluentd 1.18 `fluentd --help`.
 */

import { basename } from "node:path";
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { ReplayTarget } from "./buffer/replay.ts";
import type { CatOptions } from "./cat.ts";
import type { CertOptions } from "./cert.ts";
import type { DoctorOptions } from "./doctor/doctor.ts";
import type { RunOptions } from "./run-options.ts";
import type { TapOptions } from "./tap.ts";
import type { TopOptions } from "./top.ts";
import { versionText } from "./version.ts";

const DEFAULT_CONFIG_PATH = "/etc/fluent/fluent.conf";

/** Flags that concern Ruby or worker processes: existing command lines go on working. */
const WITHOUT_EFFECT: readonly (readonly [flags: string, what: string])[] = [
  ["-I <path>", "Ruby library path"],
  ["-r <name>", "Ruby library"],
  ["-g, --gemfile <path>", "Gemfile"],
  ["-G, --gem-path <path>", "gem folder"],
  ["--no-supervisor", "one process supervises itself"],
  ["--under-supervisor", "one process supervises itself"],
  ["--use-v1-config", "the v1 configuration language is the only one"],
  ["--log-event-verbose", "events of start and stop are always in the log"],
  ["--suppress-repeated-stacktrace [bool]", "none is repeated"],
  ["--enable-input-metrics", "inputs are always counted"],
  ["--disable-input-metrics", "inputs are always counted"],
  ["--enable-size-metrics", "sizes are always counted"],
  ["--disable-shared-socket", "workers share their sockets"],
];

/** Flags that would change what happens to events, and that Suiro cannot honour. */
const REFUSED: readonly (readonly [flags: string, name: string, reason: string])[] = [
  ["--use-v0-config", "useV0Config", "the v0 language is not supported; write the configuration in v1"],
  ["--with-source-only", "withSourceOnly", "inputs never run without their outputs; a file buffer holds what waits"],
  [
    "--show-plugin-config <plugin>",
    "showPluginConfig",
    "read docs/configuration.md, which is generated from the plugins",
  ],
];

/** Runs the command line without the program's name; gives the exit code. Throws nothing. */
export async function main(args: readonly string[], argv1 = process.argv[1] ?? "suiro"): Promise<number> {
  const name = basename(argv1) === "fluentd" ? "fluentd" : "suiro";
  let exitCode = 0;
  const program = createProgram(name, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    throw error;
  }
}

function createProgram(name: string, setExitCode: (code: number) => void): Command {
  const program = new Command(name)
    .description("Collects events and forwards them, as fluentd does. Without a command it runs a configuration.")
    .version(versionText(name), "--version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .enablePositionalOptions()
    .showHelpAfterError(`Usage: ${name} [options] [command]\nRun '${name} --help' for every option.`)
    .exitOverride();
  addRunOptions(program);
  program.allowExcessArguments().action(async (given: Record<string, unknown>) => {
    if (program.args.length > 0) program.error(`error: unknown command '${program.args[0]}'`);
    for (const [flags, key, reason] of REFUSED) {
      if (given[key] !== undefined) program.error(`error: ${flags.split(" ")[0]} is not supported: ${reason}`);
    }
    const { run } = await import("./run.ts");
    setExitCode(await run(given as unknown as RunOptions));
  });
  addCheck(program, setExitCode);
  addCat(program, setExitCode);
  addCert(program, setExitCode);
  addBuffer(program, setExitCode);
  addLiveView(program, setExitCode);
  addDoctor(program, setExitCode);
  program
    .command("demo")
    .description("run a sender and a receiver with TLS, acknowledgements and a file buffer, ready to try")
    .option("--port <port>", "port that takes events", port, 24224)
    .option("--path <folder>", "folder for the buffer and for what arrived", "suiro-demo")
    .action(async (given: { port: number; path: string }) => {
      const { demo } = await import("./demo.ts");
      setExitCode(await demo(given));
    });
  return program;
}

function addRunOptions(program: Command): void {
  const count = (_value: unknown, previous: number) => previous + 1;
  const collect = (value: string, previous: string[] = []) => [...previous, value];
  program
    .addOption(configOption())
    .option("-i, --inline-config <text>", "text that is appended to the configuration (- reads it from standard input)")
    .option("--dry-run", "check the configuration and end")
    .option("-o, --log <path>", "write the log to this file (- is standard output)")
    .option("--log-rotate-age <age>", "log files to keep, or daily, weekly, monthly", rotateAge)
    .option("--log-rotate-size <bytes>", "size at which the log file rotates", byteCount)
    .option("-v, --verbose", "log more (-v debug, -vv trace)", count, 0)
    .option("-q, --quiet", "log less (-q warn, -qq error)", count, 0)
    .option("-d, --daemon <pidfile>", "run in the background; the pidfile gets its process id")
    .option("--user <user>", "become this user before inputs and outputs start")
    .option("--group <group>", "become this group before inputs and outputs start")
    .option("--umask <octal>", "mode bits that new files never get", octal)
    .option("--workers <count>", "processes that do the work", positive)
    .option("--without-source", "start no input: only send what is buffered")
    .option("--suppress-config-dump", "do not log the configuration")
    .option("--strict-config-value", "refuse numbers that do not parse whole")
    .option("--emit-error-log-interval <seconds>", "log an emit error at most once in so many seconds", seconds)
    .option("-p, --plugin <folder>", "accepted; Ruby plugins are not loaded", collect)
    .option("--config-file-type <type>", "form of the configuration file: guess (by its name), v1 or yaml", fileType)
    .option("--conf-encoding <name>", "encoding of the configuration: utf-8", encoding)
    .addOption(
      new Option(
        "--health-endpoint <[host:]port>",
        "answer /healthz and /readyz there; a port alone is that port on every address",
      ).env("SUIRO_HEALTH_ENDPOINT"),
    )
    .option("-s, --setup [folder]", "write a first configuration into the folder (default: /etc/fluent) and end");
  for (const [flags, what] of WITHOUT_EFFECT) program.option(flags, `no effect: ${what}`);
  for (const [flags, , reason] of REFUSED) program.option(flags, `refused: ${reason}`);
}

function addCheck(program: Command, setExitCode: (code: number) => void): void {
  program
    .command("check")
    .description("list every error and warning of a configuration, with file and line")
    .addOption(configOption())
    .option("-i, --inline-config <text>", "text that is appended to the configuration (- reads it from standard input)")
    .action(async (given: { config: string; inlineConfig?: string }) => {
      const { check } = await import("./check.ts");
      setExitCode(await check(given));
    });

  program
    .command("explain")
    .description("say what each part of a configuration does, which events go where, and what is not supported")
    .addOption(configOption())
    .action(async (given: { config: string }) => {
      const { explain } = await import("./explain.ts");
      setExitCode(await explain(given));
    });

  program
    .command("test")
    .description(
      "run test cases, events or lines and what outputs must get, against a configuration, without a network",
    )
    .argument("<file...>", "YAML files of cases; docs/testing.md")
    .option("-c, --config <path>", "configuration for files that name none")
    .action(async (files: string[], given: { config?: string }) => {
      const { test } = await import("./test.ts");
      setExitCode(await test(files, given));
    });
}

function addCert(program: Command, setExitCode: (code: number) => void): void {
  const kind = new Argument("<kind>", "ca, server or client").choices(["ca", "server", "client"]);
  program
    .command("cert")
    .description("make a private authority, and server and client certificates in its name")
    .addArgument(kind)
    .argument("<folder>", "folder of the authority and of what it issues")
    .argument("[names...]", "names and addresses of the server (default: this machine's), or name of the client")
    .option("--country <code>", "country of the subject", "US")
    .option("--state <name>", "state of the subject", "CA")
    .option("--locality <name>", "locality of the subject", "Mountain View")
    .option("--common-name <name>", "common name of the subject (default: the first name)")
    .option("--days <days>", "how long it is valid (default: ca 3650, others 825)", positive)
    .option("--rsa <bits>", "make an RSA key of so many bits (default: an EC key, P-256)", rsaBits)
    .addOption(new Option("--passphrase <text>", "passphrase of the authority's key").env("SUIRO_CERT_PASSPHRASE"))
    .option("--force", "replace files that are there")
    .action(async (given: string, folder: string, names: string[], options: Omit<CertOptions, "kind">) => {
      const { cert } = await import("./cert.ts");
      setExitCode(await cert({ ...options, kind: given as CertOptions["kind"], folder, names }));
    });
}

function addCat(program: Command, setExitCode: (code: number) => void): void {
  const command = program
    .command("cat")
    .argument("<tag>", "tag of the events")
    .description("send JSON lines from standard input, one event each")
    .option("--ack", "wait until the receiver has acknowledged")
    .option("--time-as-integer", "send whole seconds");
  addReceiverOptions(command).action(async (tag: string, given: Omit<CatOptions, "tag">) => {
    const { cat } = await import("./cat.ts");
    setExitCode(await cat({ ...given, tag }));
  });
}

/** Whom `cat` and `buffer replay` send to. */
function addReceiverOptions(command: Command): Command {
  return command
    .option("--host <host>", "receiver", "127.0.0.1")
    .option("-p, --port <port>", "port of the receiver", port, 24224)
    .option("--tls", "connect with TLS and verify the receiver's certificate")
    .option("--ca <path>", "certificate authorities to trust, PEM (implies --tls)")
    .option("--tls-insecure", "connect with TLS and verify nothing")
    .addOption(new Option("--shared-key <key>", "shared key of the receiver's <security>").env("SUIRO_CAT_SHARED_KEY"))
    .option("--username <name>", "user name of the receiver's <security>")
    .addOption(new Option("--password <password>", "password of that user").env("SUIRO_CAT_PASSWORD"))
    .option("--self-hostname <name>", "name to give to the receiver (default: this machine's)")
    .option("--timeout <seconds>", "longest wait for the receiver", positive, 30);
}

function addBuffer(program: Command, setExitCode: (code: number) => void): void {
  const load = () => import("./buffer/buffer.ts");
  const group = program
    .command("buffer")
    .description("look at, check and send again what lies in buffers, backup folders and quarantines, also fluentd's");
  const command = (name: string, description: string) =>
    group.command(name).argument("<path...>", "files, or folders with all below them").description(description);
  command("ls", "list chunks: state, events, bytes, tag")
    .option("--json", "one JSON object a line")
    .action(async (paths: string[], given: { json?: boolean }) => setExitCode(await (await load()).list(paths, given)));
  command("show", "print the events as JSON lines")
    .option("-n, --limit <count>", "events of each chunk", positive)
    .action(async (paths: string[], given: { limit?: number }) => setExitCode(await (await load()).show(paths, given)));
  command("verify", "read every byte and tell what is broken").action(async (paths: string[]) =>
    setExitCode(await (await load()).verify(paths)),
  );
  command("export", "write the events as msgpack, decompressed")
    .option("-o, --output <path>", "a new file (default: standard output)")
    .action(async (paths: string[], given: { output?: string }) =>
      setExitCode(await (await load()).exportEvents(paths, given.output)),
    );
  const again = command(
    "replay",
    "send chunks again, each until it is acknowledged; not while an agent uses their folder",
  )
    .option("--into <folder>", "put them into this buffer folder instead; its agent sends them from its next start on")
    .option("--tag <tag>", "tag of chunks that say none")
    .option("--delete", "delete each chunk once it is acknowledged");
  addReceiverOptions(again).action(async (paths: string[], given: ReplayTarget) =>
    setExitCode(await (await load()).replayChunks(paths, given)),
  );
}

function addLiveView(program: Command, setExitCode: (code: number) => void): void {
  const pid = () => new Option("--pid <pid>", "process id of the agent, where several run").argParser(positive);
  const socket = () => new Option("--socket <path>", "control socket of the agent");
  program
    .command("tap")
    .argument("[pattern]", "tags to show, as <match> writes them", "**")
    .description("show events of the running agent as they pass, without holding any up")
    .option("--at <id>", "show what comes out of this filter, or enters this output or label (default: every output)")
    .option("--limit <events>", "most events a second", positive, 10)
    .option("--count <events>", "end after so many", positive)
    .addOption(pid())
    .addOption(socket())
    .action(async (pattern: string, given: Omit<TapOptions, "pattern">) => {
      const { tap } = await import("./tap.ts");
      setExitCode(await tap({ ...given, pattern }));
    });
  program
    .command("top")
    .description("show inputs, outputs, buffers, receivers and rates of the running agent")
    .option("--interval <seconds>", "time between two looks", positive, 1)
    .option("--once", "print once and end")
    .option("--json", "print the state once, as JSON")
    .addOption(pid())
    .addOption(socket())
    .action(async (given: TopOptions) => {
      const { top } = await import("./top.ts");
      setExitCode(await top(given));
    });
}

function addDoctor(program: Command, setExitCode: (code: number) => void): void {
  program
    .command("doctor")
    .description("look at accounts, buffers, journals, permissions, disk space, certificates and the running agent")
    .addOption(configOption())
    .option("--json", "print the findings as JSON")
    .option("--pid <pid>", "process id of the agent, where several run", positive)
    .option("--socket <path>", "control socket of the agent")
    .action(async (given: DoctorOptions) => {
      const { doctor } = await import("./doctor/doctor.ts");
      setExitCode(await doctor(given));
    });
}

function configOption(): Option {
  return new Option("-c, --config <path>", "configuration file").env("FLUENT_CONF").default(DEFAULT_CONFIG_PATH);
}

function rsaBits(text: string): number {
  const bits = positive(text);
  if (bits < 2048 || bits > 8192) throw new InvalidArgumentError("2048 to 8192 bits");
  return bits;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError("It must be a number of seconds.");
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) {
    throw new InvalidArgumentError("It must be a whole number from 0 to 65535.");
  }
  return value;
}

function byteCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("It must be a whole number of bytes.");
  return Number(text);
}

function octal(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) throw new InvalidArgumentError("It must be an octal number such as 022.");
  return Number.parseInt(text, 8);
}

function rotateAge(text: string): string {
  if (!/^(\d+|daily|weekly|monthly)$/.test(text)) {
    throw new InvalidArgumentError("log-rotate-age should be daily, weekly, monthly or a number");
  }
  return text;
}

function fileType(text: string): string {
  if (!["guess", "v1", "yaml", "yml"].includes(text)) throw new InvalidArgumentError("It must be guess, v1 or yaml.");
  return text;
}

function encoding(text: string): string {
  if (!/^utf-?8$/i.test(text)) throw new InvalidArgumentError("Only utf-8 is supported; convert the file.");
  return text;
}
