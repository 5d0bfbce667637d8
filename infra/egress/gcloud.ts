/** Runs gcloud and turns its failures into sentences. The one place that starts it. */

import { spawn } from "node:child_process";
import { EgressError } from "./egress-error.ts";

export type GcloudFailure = "absent" | "login" | "not-found" | "exists" | "permission" | "quota" | "disabled" | "other";

export class GcloudError extends EgressError {
  readonly failure: GcloudFailure;
  constructor(failure: GcloudFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** Arguments of one gcloud command, without `gcloud`, project and format. */
export type GcloudArguments = readonly string[];

/** In arguments: stands for the path of the start-up script, which differs from machine to machine. */
export const startupScriptPlace = "STARTUP_SCRIPT";

/** Advice for each kind of failure; the first whose sign is in gcloud's own words is taken. */
const failures: readonly [GcloudFailure, RegExp, string][] = [
  [
    "login",
    /do not currently have an active account|reauth|auth login|invalid_grant|credentials.*(expired|invalid)|\b401\b/i,
    "gcloud is not logged in; run `gcloud auth login`.",
  ],
  ["exists", /already exists/i, "It exists already; run `plan` to see who owns it."],
  ["quota", /quota/i, "A quota of the project or region is used up; ask for more, or free some."],
  [
    "disabled",
    /has not been used in project|it is disabled|SERVICE_DISABLED/i,
    "An API is off; run `gcloud services enable compute.googleapis.com container.googleapis.com`.",
  ],
  [
    "permission",
    /required .* permission|permission denied|PERMISSION_DENIED|\b403\b|forbidden/i,
    "The account lacks a role; it needs compute.instanceAdmin.v1, compute.networkAdmin, compute.securityAdmin and container.viewer.",
  ],
  ["not-found", /was not found|notFound|\b404\b/i, "It does not exist."],
];

export class Gcloud {
  readonly #project: string;
  readonly #startupScript: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #run: RunProgram;

  constructor(project: string, startupScript: string, environment: NodeJS.ProcessEnv, run: RunProgram) {
    this.#project = project;
    this.#startupScript = startupScript;
    this.#environment = environment;
    this.#run = run;
  }

  /** The same with another environment. */
  within(environment: NodeJS.ProcessEnv): Gcloud {
    return new Gcloud(this.#project, this.#startupScript, environment, this.#run);
  }

  /** Runs a command that answers with JSON. Throws GcloudError. */
  async json<T>(command: GcloudArguments): Promise<T> {
    const text = await this.text([...command, "--format=json"]);
    try {
      return JSON.parse(text.trim() === "" ? "[]" : text) as T;
    } catch {
      throw new GcloudError(
        "other",
        `gcloud ${command.slice(0, 3).join(" ")} did not answer with JSON: ${text.slice(0, 200)}`,
      );
    }
  }

  /** Runs a command and gives its standard output. Throws GcloudError. */
  async text(command: GcloudArguments): Promise<string> {
    const args = [...command, `--project=${this.#project}`, "--quiet"].map((text) =>
      text.replace(startupScriptPlace, this.#startupScript),
    );
    const { code, stdout, stderr } = await this.#run("gcloud", args, this.#environment);
    if (code === 0) return stdout;
    throw failureOf(command, stderr);
  }
}

function failureOf(command: GcloudArguments, stderr: string): GcloudError {
  const said = stderr
    .split("\n")
    .filter((line) => !/^(WARNING|NOTE|Updates are available|To take a quick)/.test(line))
    .map((line) => line.replace(/^ERROR: (\(gcloud[^)]*\) )?/, "").trim())
    .filter((line) => line !== "")
    .join(" ")
    .slice(0, 600);
  const [failure, , advice] = failures.find(([, sign]) => sign.test(said)) ?? ["other" as const, /$/, ""];
  const words = command.filter((word) => !word.startsWith("--")).join(" ");
  return new GcloudError(failure, `gcloud ${words}: ${said || "failed without a word"}${advice ? `\n${advice}` : ""}`);
}

export type RunProgram = typeof runProgram;

/** Runs a program to its end with optional standard input. Throws EgressError when it is not installed. */
export async function runProgram(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  input = "",
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(program, args, { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text) => {
    stdout += text;
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new GcloudError(
              "absent",
              `${program} is not installed, or not on the PATH: https://cloud.google.com/sdk/docs/install`,
            )
          : error,
      ),
    );
    child.once("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
  });
}
