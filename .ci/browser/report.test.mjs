// Opens a report as a person would: from disk, without a network; with the mouse, then without.
// usage: node --test report.test.mjs, with REPORT the folder that `squall run --out` wrote, and
// CHROMIUM the browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

const folder = resolve(process.env.REPORT);
const address = pathToFileURL(join(folder, "report.html")).href;
const results = JSON.parse(readFileSync(join(folder, "results.json"), "utf8"));
const wide = { width: 1280, height: 900 };
const narrow = { width: 390, height: 844 };

let browser;
let page;
let trouble;

before(async () => {
  const args = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
});
after(() => browser.close());

beforeEach(async () => {
  const context = await browser.newContext({ viewport: wide, colorScheme: "light" });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  trouble = [];
  page.on("pageerror", (error) => trouble.push(error.stack));
  page.on("console", (said) => {
    if (["error", "warning"].includes(said.type())) trouble.push(said.text());
  });
  page.on("request", (request) => {
    if (request.url() !== address) trouble.push(`it asked for ${request.url()}`);
  });
  await page.goto(address);
  await page.locator("#runs tbody tr").first().waitFor();
});
afterEach(async () => {
  assert.deepEqual(trouble, []);
  await page.context().close();
});

const failed = results.runs.findIndex((run) => run.verdict === "fail");
const passed = results.runs.findIndex((run) => run.verdict === "pass" && run.faults.length > 0);
const rows = () => page.locator("#runs tbody tr");

async function open(index) {
  await page.locator(`#runs a[href="#/run/${index}"]`).click();
  await page.locator("#siege").waitFor();
}

test("the report under test has a run that passed and one that failed", () => {
  assert.ok(failed >= 0 && passed >= 0);
});

test("the overview lists every run, the worst first, with the figures of results.json", async () => {
  assert.equal(await rows().count(), Math.min(100, results.runs.length));
  assert.match(await rows().first().innerText(), /fail/);
  for (const [index, run] of results.runs.entries()) {
    const row = page.locator("#runs tr", { has: page.locator(`a[href="#/run/${index}"]`) });
    const shown = await row
      .locator("data")
      .evaluateAll((all) => all.map((one) => Number(one.value)));
    const { requests, siege, latency_ms } = run;
    assert.deepEqual(shown, [
      requests.ok,
      requests.failed,
      requests.unknown,
      siege.availability_percent,
      latency_ms.p50,
      latency_ms.p99,
      latency_ms.max,
    ]);
  }
});

test("filters by verdict, text and fault leave what they say", async () => {
  const count = (wanted) => results.runs.filter(wanted).length;
  await page.locator('.tiles [data-verdict="fail"]').click();
  assert.equal(
    await rows().count(),
    count((run) => run.verdict === "fail"),
  );
  await page.getByRole("button", { name: "Show all" }).click();
  assert.equal(await rows().count(), results.runs.length);
  const { scenario, faults } = results.runs[passed];
  await page.locator('[name="text"]').fill(scenario.toUpperCase());
  assert.equal(
    await rows().count(),
    count((run) => run.scenario === scenario),
  );
  await page.locator('[name="text"]').fill("no such thing anywhere");
  assert.equal(await rows().count(), 0);
  await page.locator('[name="text"]').fill("");
  const kinds = page.locator('[name="fault"] option');
  const kind = (await kinds.allInnerTexts()).find((one) => faults[0].fault.startsWith(one));
  await page.locator('[name="fault"]').selectOption(kind);
  const strikes = (run) => run.faults.some((fault) => fault.fault.startsWith(kind));
  assert.equal(await rows().count(), count(strikes));
});

test("columns sort both ways", async () => {
  const values = () =>
    rows().evaluateAll((all) => all.map((row) => Number(row.querySelectorAll("data")[5].value)));
  const header = page.locator('#runs thead button[data-title="p99 ms"]');
  const expected = results.runs.map((run) => run.latency_ms.p99).sort((a, b) => b - a);
  await header.click();
  assert.deepEqual(await values(), expected);
  await header.click();
  assert.deepEqual(await values(), expected.reverse());
  assert.equal(await page.locator('#runs th[aria-sort="ascending"]').count(), 1);
});

for (const [name, index] of [
  ["passed", passed],
  ["failed", failed],
]) {
  test(`the run that ${name} shows each figure of results.json`, async () => {
    await open(index);
    const run = results.runs[index];
    const fields = page.locator("data[data-field]");
    const shown = await fields.evaluateAll((all) =>
      all.map((one) => [one.dataset.field, one.value, one.textContent]),
    );
    assert.equal(shown.length, 1 + 12 + 4 + 5);
    for (const [field, value, text] of shown) {
      const exact = field.split(".").reduce((value, key) => value[key], run);
      assert.equal(Number(value), exact, field);
      // What is read is the exact value, rounded to the decimals shown.
      const decimals = (text.split(".")[1] ?? "").length;
      assert.equal(text, exact.toFixed(decimals), field);
    }
    const checks = await page.locator("#checks tbody tr th").allInnerTexts();
    assert.deepEqual(checks.sort(), run.checks.map((check) => check.name).sort());
    // The latency, heat map, outcome and percentile plots, the pods', and at least one more.
    await page.locator("figure svg").nth(5).waitFor();
  });
}

test("the run that failed says what broke and how to repeat it", async () => {
  await open(failed);
  const run = results.runs[failed];
  const broken = page.locator(".broken");
  const names = run.checks.filter((check) => check.verdict === "fail").map((check) => check.name);
  const text = await broken.innerText();
  assert.ok(
    names.some((name) => text.includes(name)),
    text,
  );
  assert.ok((await broken.locator("li").count()) > 0, "there is evidence");
  await page.getByText(`squall run ${run.scenario} --seed ${run.seed}`).first().waitFor();
});

test("a value is shown under the pointer", async () => {
  await open(passed);
  const plot = page.locator("figure", { hasText: "Latency over time" });
  await plot.locator(".plot").hover({ position: { x: 400, y: 100 } });
  await plot.locator("output", { hasText: "p99" }).waitFor();
});

test("the keyboard is enough", async () => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  // On to the first run's link.
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => document.activeElement.getAttribute("href") ?? "");
    if (at.startsWith("#/run/")) break;
  }
  await page.keyboard.press("Enter");
  await page.locator("#siege").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");
  // To a plot, and through its values.
  await page.locator(".plot svg").first().waitFor();
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.classList.contains("plot"))) break;
  }
  const readout = page.locator(".plot:focus + output");
  await page.keyboard.press("ArrowRight");
  await page.locator(".plot:focus + output", { hasText: "p50" }).waitFor();
  const first = await readout.innerText();
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await readout.innerText(), first);
  await page.keyboard.press("Escape");
  await page.locator("#runs").waitFor();
});

test("the theme can be switched, and no page is wider than a telephone", async () => {
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.locator("#theme").click();
  assert.equal(await ground(), light);
  await page.locator("#theme").click();
  assert.notEqual(await ground(), light);
  await page.setViewportSize(narrow);
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok((await overflow()) <= 0);
  await open(failed);
  await page.locator("figure svg").nth(5).waitFor();
  assert.ok((await overflow()) <= 0);
});
