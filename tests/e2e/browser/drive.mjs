// Debian's Chromium, driven by lines of JSON: { "do": ..., ... } in, { "ok": ... } or { "error": ... } out.
// Each "as" is somebody with a browser of their own; what goes wrong on their pages is kept for "complaints".
import readline from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.argv[2], timeout: 120000, args: ["--no-sandbox"] });
const people = new Map();

async function newPage(context, complaints) {
  const page = await context.newPage();
  page.setDefaultTimeout(120000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`) && dialog.dismiss());
  // Whoever is not logged in is told so by 401: the browser notes it as if it were a fault.
  page.on("console", (line) => line.type() === "error" && !line.text().includes("status of 4") && complaints.push(line.text()));
  return page;
}

async function person({ as = "somebody", options = {} }) {
  if (!people.has(as)) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 800 }, ignoreHTTPSErrors: true, ...options });
    const complaints = [];
    people.set(as, { page: await newPage(context, complaints), complaints, context });
  }
  return people.get(as);
}

// A browser that is driven takes all of its tabs for visible: each is told when another one is looked at.
const look = (page, visible) => page.evaluate((hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}, !visible);

/** Another tab, which is the one that is looked at from now on. */
async function openTab(one, { url }) {
  await look(one.page, false);
  one.page = await newPage(one.context, one.complaints);
  await one.page.goto(url);
}

const found = (page, { role, name, label, css, text }) =>
  role ? page.getByRole(role, { name, exact: true }) : label ? page.getByLabel(label, { exact: true }) : css ? page.locator(css) : page.getByText(text);

const actions = {
  open: ({ page }, { url }) => page.goto(url).then(() => null),
  tab: openTab,
  go: ({ page }, { hash }) => page.evaluate((to) => { location.hash = to; }, hash),
  fill: ({ page }, what) => found(page, what).fill(what.value),
  choose: ({ page }, what) => found(page, what).selectOption(what.value).then(() => null),
  attach: ({ page }, what) => found(page, what).setInputFiles(what.file),
  click: ({ page }, what) => found(page, what).click(),
  press: ({ page }, { key }) => page.keyboard.press(key),
  see: ({ page }, what) => found(page, what).first().waitFor(),
  text: ({ page }, what) => found(page, what).first().innerText(),
  texts: ({ page }, what) => found(page, what).allInnerTexts(),
  run: ({ page }, { script }) => page.evaluate(script),
  shot: ({ page }, { file }) => page.screenshot({ path: file }).then(() => null),
  complaints: ({ complaints }) => complaints,
  forget: ({ complaints }) => complaints.splice(0), // what was complained of until now
  cookies: ({ context }) => context.cookies(),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    const value = await actions[request.do](await person(request), request);
    console.log(JSON.stringify({ ok: value ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
