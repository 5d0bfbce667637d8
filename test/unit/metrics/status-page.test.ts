import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Browser } from "happy-dom";
import { Counters } from "../../../src/counters.ts";
import { agentStatus } from "../../../src/metrics/status.ts";
import { statusPage } from "../../../src/metrics/status-page.ts";
import type { BufferReport } from "../../../src/plugin.ts";
import { eventually } from "../../support/eventually.ts";
import { pluginSummary } from "../../support/plugin-summary.ts";

const html = statusPage.body as string;
const policy = statusPage.headers?.["Content-Security-Policy"] ?? "";
const inside = (name: string) => new RegExp(`<${name}>([^]*?)</${name}>`).exec(html)?.[1] ?? "";

test("the policy lets run what is in the page, and nothing else", () => {
  for (const [name, directive] of [
    ["script", "script-src"],
    ["style", "style-src"],
  ] as const) {
    const hash = createHash("sha256").update(inside(name)).digest("base64");
    assert.ok(policy.includes(`${directive} 'sha256-${hash}'`), name);
  }
  assert.match(policy, /^default-src 'none';/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.doesNotMatch(html, /(src|href)=|https?:|innerHTML|\son[a-z]+=/);
});

test("the page shows plugins in their levels, rates, buffers, and names as text", async (context) => {
  const name = "<img src=x onerror=alert(1)>";
  const counters = new Counters();
  let asked = 0;
  const plugins = [
    pluginSummary({ counters }),
    pluginSummary({ id: name, kind: "filter", type: "grep" }),
    pluginSummary({ id: "copy", kind: "output", type: "copy", targets: ["@X"] }),
    pluginSummary({
      id: "store",
      kind: "output",
      type: "forward",
      owner: "copy",
      state: {
        buffer: { totalBytes: 80, totalLimitBytes: 100, events: 7, stageLength: 1, queueLength: 1 } as BufferReport,
      },
    }),
    pluginSummary({ id: "other", kind: "output", type: "null", level: "@X", isRunning: false }),
  ];
  const server = createServer((request, response) => {
    if (request.url === "/api/status.json") {
      asked += 1;
      counters.add("received_events", 30);
      response.end(JSON.stringify(agentStatus(plugins, "1.2.3", asked * 2000)));
    } else response.writeHead(200, { "Content-Type": "text/html" }).end(html);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  const browser = new Browser({
    settings: { enableJavaScriptEvaluation: true, suppressInsecureJavaScriptEnvironmentWarning: true },
  });
  context.after(() => browser.close());
  const page = browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const { document } = page.mainFrame.window;
  const text = (id: string) => document.querySelector(`[data-id="${id}"]`)?.textContent ?? "";
  await eventually(() => text("in_1").includes("in 15/s"));
  assert.equal(document.querySelector("h1")?.textContent, "Suiro 水路 1.2.3");
  assert.deepEqual(
    [...document.querySelectorAll("h2")].map((level) => level.textContent),
    ["@ROOT", "@X"],
  );
  assert.equal(document.querySelector("img"), null);
  assert.ok(document.body.textContent.includes(name));
  assert.match(text("copy"), /→ @X/);
  assert.match(text("store"), /7 events, 80B in 2 chunks/);
  assert.equal(document.querySelector('[data-id="store"] .bar i')?.getAttribute("class"), "bad");
  assert.match(document.querySelector('[data-id="other"]')?.getAttribute("class") ?? "", /bad/);
  assert.match(document.querySelector('[data-id="store"]')?.getAttribute("class") ?? "", /inner/);

  // What color and length say is said in words, too.
  assert.equal(document.getElementById("verdict")?.textContent, "Look at store, other.");
  assert.match(text("store"), /buffer 80% full/);
  assert.match(text("other"), /not running/);
  const meter = document.querySelector('[data-id="store"] [role="meter"]');
  assert.deepEqual(
    [meter?.getAttribute("aria-valuenow"), meter?.getAttribute("aria-valuetext")],
    ["80", "80% of 100B"],
  );
  assert.ok((document.querySelector('[data-id="in_1"] polyline')?.getAttribute("points") ?? "").includes(" "));

  const pause = document.getElementById("pause") as unknown as { click(): void; getAttribute(name: string): string };
  pause.click();
  assert.equal(pause.getAttribute("aria-pressed"), "true");
  pause.click();
  assert.equal(pause.getAttribute("aria-pressed"), "false");
});
