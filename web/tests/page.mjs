// The page in a real browser. Started by crates/argosy/tests/web, which owns the fleet:
//   node page.mjs ADDRESS BROWSER
// A line `WANT x` asks for something of the fleet; the answer is one line on standard input.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [address, executablePath] = process.argv.slice(2);
const { origin } = new URL(address);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const shots = process.env.ARGOSY_SHOTS;

async function want(what) {
  console.log(`WANT ${what}`);
  return (await answers.next()).value;
}

const browser = await chromium.launch({
  executablePath,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
context.setDefaultTimeout(60_000);
const page = await context.newPage();
const complaints = [];
page.on("console", (message) => {
  if (message.type() === "error") complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(error.message));

const steps = {
  async "without a token there is a gate, and no data"() {
    await page.goto(origin);
    await page.getByRole("heading", { name: "Argosy" }).waitFor();
    const answer = await page.request.get(`${origin}/api/fleet`);
    assert.equal(answer.status(), 401);
    const token = new URLSearchParams(new URL(address).hash.slice(1)).get("token");
    const authorization = `Bearer ${token}`;
    const rebound = { host: "rebound.example", authorization };
    assert.equal((await page.request.get(`${origin}/api/fleet`, { headers: rebound })).status(), 421);
    const foreign = { origin: "http://evil.example", authorization };
    assert.equal((await page.request.get(`${origin}/api/fleet`, { headers: foreign })).status(), 403);
    await check("gate");
  },

  async "the fleet shows clusters by region and counts"() {
    const started = performance.now();
    await page.goto(address);
    const europe = page.getByRole("region", { name: "region eu" });
    await europe.getByText("eu-1").waitFor();
    console.log(`fleet seen after ${Math.round(performance.now() - started)} ms`);
    assert.equal(new URL(page.url()).hash, "", "the token leaves the address");
    const america = page.getByRole("region", { name: "region us" });
    await america.getByText("1 in trouble").waitFor();
    await america.getByText("1 out of sync").waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    await check("fleet");
  },

  async "two thousand applications are scrolled with few rows"() {
    await page.getByRole("link", { name: "Applications", exact: true }).click();
    await page.getByText("2,001 found", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Application", exact: true }).click();
    const rows = page.getByRole("grid").locator(".row");
    await page.getByRole("link", { name: "app-0000" }).waitFor();
    const started = performance.now();
    await rows.first().focus();
    await page.keyboard.press("End");
    await page.getByRole("link", { name: "shop", exact: true }).waitFor();
    console.log(`last of 2,001 rows seen after ${Math.round(performance.now() - started)} ms`);
    assert.ok((await rows.count()) < 60, "only rows in sight exist");
    const frames = await page.evaluate(scroll);
    const [worst, median] = [frames.at(-1), frames[Math.floor(frames.length / 2)]];
    console.log(`scrolled through 2,001 rows: ${frames.length} frames, median ${median} ms, worst ${worst} ms`);
    await page.keyboard.press("Home");
    await page.getByRole("link", { name: "app-0000" }).waitFor();
    await check("applications");
  },

  async "search and filters narrow on the server"() {
    await page.keyboard.press("/");
    await page.keyboard.type("0007 us-1");
    await page.getByText("1 found", { exact: true }).waitFor();
    await page.getByRole("link", { name: "app-0007" }).waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByText("2,001 found", { exact: true }).waitFor();
    await page.getByLabel("Degraded").check();
    await page.getByText("1 found", { exact: true }).waitFor();
    await page.getByRole("link", { name: "app-0008" }).waitFor();
    await page.goto(`${origin}/applications?q=shop`);
    await page.getByText("1 found", { exact: true }).waitFor();
    const row = page.getByRole("grid").locator(".row").first();
    await row.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "shop", exact: true }).waitFor();
  },

  async "a sync is pressed, and pods become healthy in sight"() {
    await state("Out of sync");
    await page.getByRole("button", { name: "Sync", exact: true }).click();
    await state("Synced");
    const tree = page.getByRole("treegrid");
    const pods = tree.getByRole("row").filter({ hasText: /^Pod/ });
    await pods.filter({ hasText: "Healthy" }).nth(1).waitFor();
    assert.equal(await pods.first().getAttribute("aria-level"), "3");
    await tree.locator(".row").first().focus();
    await page.keyboard.press("ArrowLeft");
    await pods.first().waitFor({ state: "detached" });
    await page.keyboard.press("ArrowRight");
    await pods.first().waitFor();
    await check("application");
  },

  async "a drift is shown as it happens, its secret is not, and a sync heals it"() {
    await want("drift");
    await state("Out of sync");
    await page.getByRole("tab", { name: /^Diff/ }).click();
    await page.getByText("colour: red").waitFor();
    await page.getByText("colour: blue").waitFor();
    await page.getByText("++++++++ (another value)").waitFor();
    const canary = await want("canary");
    const seen = await page.evaluate(() => document.documentElement.outerHTML);
    for (const secret of [canary, "another canary", btoa(canary), btoa("another canary")]) {
      assert.ok(!seen.includes(secret), "no secret is in the page");
    }
    await check("diff");
    const started = performance.now();
    await page.getByRole("button", { name: "Sync", exact: true }).click();
    await state("Synced");
    console.log(`healed in sight after ${Math.round(performance.now() - started)} ms`);
    await page.getByText("a sync would change nothing").waitFor();
    assert.equal(await want("colour"), "blue");
  },

  async "history and the last sync are there, and the dark page is readable"() {
    await page.getByRole("tab", { name: /^History/ }).click();
    await page.getByRole("tabpanel").getByText("web").first().waitFor();
    await check("history");
    await page.getByRole("tab", { name: "Last sync" }).click();
    await page.getByText("Succeeded").waitFor();
    await check("last-sync");
    await page.emulateMedia({ colorScheme: "dark" });
    await check("application-dark");
    await page.getByRole("link", { name: "Fleet", exact: true }).click();
    await page.getByText("eu-1").waitFor();
    await check("fleet-dark");
    await page.setViewportSize({ width: 420, height: 860 });
    await check("fleet-narrow");
    await page.getByRole("link", { name: "Applications", exact: true }).click();
    await page.getByText("2,001 found", { exact: true }).waitFor();
    await check("applications-narrow");
  },
};

/** Waits until the application's own badge says so. */
async function state(word) {
  await page.locator(".app-state").getByText(word, { exact: true }).waitFor();
}

/** Holds a view to the rules of accessibility, and takes its picture where one is wanted. */
async function check(name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const wrong = found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`,
  );
  assert.deepEqual(wrong, [], `${name} breaks rules of accessibility`);
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

/** Scrolls through the whole list, and gives how long each frame took, shortest first. */
async function scroll() {
  const box = document.querySelector(".table .virtual");
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let at = 0; at <= box.scrollHeight; at += 400) {
    box.scrollTop = at;
    const now = await new Promise(requestAnimationFrame);
    frames.push(Math.round(now - last));
    last = now;
  }
  return frames.sort((a, b) => a - b);
}

let failed = false;
for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
    console.log(`ok: ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAILED: ${name}\n${error.stack ?? error}`);
    if (shots) await page.screenshot({ path: `${shots}/failed.png` });
    break;
  }
}
// The gate's own probe without a token is answered 401, which a browser notes.
const unexpected = complaints.filter((text) => !text.includes("401"));
if (!failed && unexpected.length > 0) {
  failed = true;
  console.log(`FAILED: the browser complains\n${unexpected.join("\n")}`);
}
await browser.close();
process.exit(failed ? 1 : 0);
