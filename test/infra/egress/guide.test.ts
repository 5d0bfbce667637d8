/**
 * docs/gke-fixed-egress.md as a newcomer follows it: every command block, in its order and as it is written, in one
 * shell. gcloud is the fake one; docker, sudo and the cluster's side of kubectl only note what they are asked.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../../../infra/egress/gcloud.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { fakeGcloud, Refusal } from "./fake-gcloud.ts";
import { FakeProject, projectFolder } from "./fake-project.ts";

const guide = readFileSync(join(projectFolder, "docs/gke-fixed-egress.md"), "utf8");
const blocks = [...guide.matchAll(/^```sh[^\n]*\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string);

/** A checkout, as far as the guide writes into it or reads from it. */
function checkout(): string {
  const folder = temporaryFolder();
  cpSync(join(projectFolder, "infra"), join(folder, "infra"), {
    recursive: true,
    filter: (path) => !/\/(certificates|secret)$/.test(path),
  });
  for (const name of ["package.json", "Dockerfile", "node_modules", "build"]) {
    symlinkSync(join(projectFolder, name), join(folder, name));
  }
  return folder;
}

/** The fake gcloud without a process for each of a hundred calls: arguments in, `CODE:OUTPUT` out. */
async function serveCloud(folder: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    try {
      response.end(`0:${fakeGcloud(text.split("\0").slice(0, -1), folder).stdout}`);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.end(`${error.code}:${error.message}`);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const withKustomize = spawnSync("kubectl", ["kustomize", "--help"]).status === 0;
const kubectl = spawnSync("sh", ["-c", "command -v kubectl"], { encoding: "utf8" }).stdout.trim();

test("every command of the guide works as written, and the last one leaves nothing behind", async (context) => {
  const project = new FakeProject();
  const folder = checkout();
  const note = `echo "$(basename "$0") $*" >> '${join(folder, "noted")}'`;
  const cloud = await serveCloud(project.folder);
  context.after(() => cloud.close());
  const { port } = cloud.address() as AddressInfo;
  project.program(
    "gcloud",
    `${note}
    case "$*" in "auth "* | "artifacts repositories create "* | *" -- "*) exit 0 ;; esac
    answer=$(printf '%s\\0' "$@" | curl -s --data-binary @- http://127.0.0.1:${port}/)
    code=\${answer%%:*}
    if [ "$code" = 0 ]; then printf %s "\${answer#*:}"; else printf %s "\${answer#*:}" >&2; fi
    exit "$code"`,
  );
  project.program("docker", note);
  project.program("sudo", note);
  project.program("nc", note);
  const render = withKustomize ? `exec '${kubectl}' kustomize "$3" >'${join(folder, "applied.yaml")}'` : "exit 0";
  project.program("kubectl", `${note}\ncase "$1 $2" in "apply -k") ${render} ;; esac`);
  // `plan` says with 2 that something would change. The receiver is run by its own test; here it makes what it makes.
  const egress = `'${process.execPath}' build/infra/egress/main.js`;
  project.program(
    "npm",
    `${note}
    name=$2; shift 2; [ "$1" != -- ] || shift
    case "$name $1" in
      receiver*) exec bash infra/receiver/make-certificate.sh ;;
      "egress plan") ${egress} "$@"; [ $? = 2 ] ;;
      egress*) exec ${egress} "$@" ;;
      *) exit 1 ;;
    esac`,
  );
  const script = ["set -euo pipefail", ...blocks].join("\n");
  writeFileSync(join(folder, "guide.sh"), script);
  const { code, stdout, stderr } = await runProgram("sh", ["-c", `cd '${folder}' && exec bash guide.sh`], {
    ...process.env,
    PATH: `${join(project.folder, "bin")}:${process.env.PATH}`,
    HOME: folder,
  });
  assert.equal(code, 0, `${stdout}\n${stderr}`);

  const noted = readFileSync(join(folder, "noted"), "utf8");
  for (const step of ["advise", "plan", "plan --script", "up", "status", "verify", "down", "down --release-ip"]) {
    assert.ok(noted.includes(`npm run egress -- ${step}\n`), step);
  }
  assert.match(noted, /^docker build -t (\S+) \.\ndocker push \1$/m);
  assert.match(noted, /^kubectl apply -k infra\/kubernetes\/overlays\/gke-egress$/m);
  const image = /^docker push (\S+)$/m.exec(noted)?.[1] ?? "";
  if (withKustomize) assert.ok(readFileSync(join(folder, "applied.yaml"), "utf8").includes(`image: ${image}\n`), image);
  assert.equal(spawnSync("bash", ["-n", join(folder, "egress.sh")]).status, 0);
  assert.ok(statSync(join(folder, "egress.sh")).size > 500);
  const key = readFileSync(join(folder, "infra/kubernetes/base/secret/shared_key"), "utf8");
  assert.match(key, /^[0-9a-f]{48}$/, "without a line end");
  assert.match(stdout, /on-prem saw 203\.0\.113\.10/);
  const { addresses, instances, firewallRules, routes } = project.cloud;
  assert.deepEqual(
    [addresses, instances, firewallRules, routes.map(({ name }) => name)],
    [[], [], [], ["default-route"]],
  );
});
