"""What the dashboard shows can be read: enough contrast in the light and in the dark, a label on each control, nothing too wide."""
import pytest

from browser_kit import browser, person  # noqa: F401 (fixtures)
from conftest import make_package, wait_until
from test_api import register
from test_dashboard_browser import trusted

CONTRAST_MIN = 4.5  # WCAG 2.1, 1.4.3, level AA
STATES = ("draft", "waiting_for_approval", "ready", "running", "paused", "aborting", "aborted", "rolling_back", "rolled_back", "finished",
          "scheduled", "soaking", "waiting_for_gate", "succeeded", "failed", "pending", "offered", "downloading", "downloaded", "installing",
          "verifying", "rejected", "timed_out", "canceled", "superseded", "online", "offline")
# Each text against what is behind it; a background that lets something through is taken with what it lies on.
FAINT = """(() => {
  const rgb = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a }; };
  const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1 });
  const behind = (one) => one === null ? { r: 255, g: 255, b: 255, a: 1 } : over(rgb(getComputedStyle(one).backgroundColor), behind(one.parentElement));
  const light = ({ r, g, b }) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!own || !one.checkVisibility()) continue;
    const back = behind(one);
    const [a, b] = [light(over(rgb(getComputedStyle(one).color), back)), light(back)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < LEAST) faint.push(`${one.tagName}.${one.className}: ${one.textContent.slice(0, 30)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return faint;
})()""".replace("LEAST", str(CONTRAST_MIN))
UNLABELLED = """[...document.querySelectorAll("input, select, textarea, button, a, [role=img], [role=region], figure, progress")]
  .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim() || one.title)).map((one) => one.outerHTML.slice(0, 80))"""
EMPTY_HEADS = "[...document.querySelectorAll('th')].filter((one) => one.textContent.trim() === '').length"
TWICE = "[...document.querySelectorAll('[id]')].map((one) => one.id).filter((id, i, all) => all.indexOf(id) !== i)"


@pytest.mark.parametrize("scheme, width", [("light", 1100), ("dark", 360)])
def test_all_pages_can_be_read(server, keys, tmp_path, person, scheme, width):
    trusted(server, keys)
    package = server.json("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    register(server, "edge-1")
    wait_until(lambda: server.kedge("device", "show", "edge-1", check=False).returncode == 0)
    server.kedge("device", "tag", "edge-1", "site=north")
    somebody = person("somebody", viewport={"width": width, "height": 800}, colorScheme=scheme)
    somebody.open(url=server.http_url + "/")
    somebody.see(label="Token")
    assert somebody.run(script=FAINT) == [] and somebody.run(script=UNLABELLED) == []
    somebody.logs_in(server.token)
    for hash, heading in (("#/", "Fleet"), ("#/devices", "Devices"), ("#/devices/edge-1", "edge-1"), ("#/packages", "Packages"),
                          (f"#/packages/{package['id']}", "Package 1.1.0"), ("#/rollouts", "Rollouts"), ("#/create", "New rollout"), ("#/audit", "Audit")):
        somebody.goes_to(hash, heading)
        wait_until(lambda: somebody.run(script="!document.body.innerText.includes('\\n…')"))
        somebody.run(script="document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        somebody.run(script="for (const state of %r) document.querySelector('main').insertAdjacentElement('beforeend',"
                            " Object.assign(document.createElement('span'), { className: `state ${state}`, textContent: state }))" % (list(STATES),))
        assert somebody.run(script=FAINT) == [], heading
        assert somebody.run(script=UNLABELLED) == [] and somebody.run(script=EMPTY_HEADS) == 0 and somebody.run(script=TWICE) == [], heading
        assert somebody.run(script="document.documentElement.scrollWidth <= innerWidth"), heading
        somebody.run(script="document.querySelectorAll('main > span.state').forEach((one) => one.remove())")
