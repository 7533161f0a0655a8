"""The HTML report in a real browser: it opens, filters, searches, draws, is usable by keyboard, and runs nothing but our script."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from projects import lay_out, stand_in, use_rules
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

import session_lint
from session_lint.pipeline import find_files, run
from session_lint.report import html
from session_lint.request import Request

APPLICATION = Path(__file__).parent.parent / "fixtures" / "batch_scraper" / "violating"


BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chrome]:
    """The browser; the test is skipped without one, or fails where one is required."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        reason = "needs `chromium` and `chromedriver` on the path (Debian: chromium, chromium-driver)"
        if os.environ.get("SESSION_LINT_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options=options, service=Service(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def browser(chromium: Chrome, tmp_path: Path) -> Iterator[Chrome]:
    """The browser, offline, with nothing left of the test before; nothing may be on its console at the end."""
    chromium.get("about:blank")
    chromium.get_log("browser")  # type: ignore[no-untyped-call]
    chromium.execute_cdp_cmd("Network.enable", {})
    conditions = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    chromium.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)
    yield chromium
    said = chromium.get_log("browser")  # type: ignore[no-untyped-call]
    assert not said, said


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    request = Request(paths=(APPLICATION,), everything=True)
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html.render(run(request, find_files(request))), "utf-8")
    return path.as_uri()


def shown(browser: Chrome, items: str = "#finding-list > li") -> list[dict[str, str]]:
    script = f"return [...document.querySelectorAll({json.dumps(items)})].filter(i => i.checkVisibility()).map(i => ({{...i.dataset}}))"
    found: list[dict[str, str]] = browser.execute_script(script)
    return found


def js(browser: Chrome, script: str) -> Any:
    return browser.execute_script(script)


def press(browser: Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def test_filters_and_search(browser: Chrome, report: str) -> None:
    browser.get(report)
    everything = shown(browser)
    assert len(everything) > 5
    Select(browser.find_element(By.ID, "rule")).select_by_value("SL312")
    assert {item["code"] for item in shown(browser)} == {"SL312"}
    assert browser.find_element(By.ID, "shown").text == f"{len(shown(browser))} of {len(everything)}"
    browser.find_element(By.ID, "reset").click()
    assert shown(browser) == everything
    browser.find_element(By.CSS_SELECTOR, "input[name=severity][value=error]").click()
    assert {item["severity"] for item in shown(browser)} == {"warning"}
    browser.find_element(By.ID, "reset").click()
    Select(browser.find_element(By.ID, "role")).select_by_visible_text("router")
    assert {item["role"] for item in shown(browser)} == {"router"}
    browser.find_element(By.ID, "reset").click()
    browser.find_element(By.ID, "path").send_keys("services/**/*.py")
    assert shown(browser)
    assert all("/services/" in item["path"] for item in shown(browser))
    browser.find_element(By.ID, "reset").click()
    browser.find_element(By.ID, "q").send_keys("psycopg2.connect")
    assert [item["code"] for item in shown(browser)] == ["SL104"]
    browser.find_element(By.ID, "q").send_keys(" nowhere to be found")
    assert shown(browser) == []
    assert browser.find_element(By.ID, "nothing").is_displayed()
    browser.find_element(By.ID, "reset").click()
    browser.find_element(By.CSS_SELECTOR, "[data-filter-rule=transaction-discipline]").click()
    assert {item["check"] for item in shown(browser)} == {"transaction-discipline"}


def test_findings_open(browser: Chrome, report: str) -> None:
    browser.get(report)
    first = browser.find_element(By.ID, "finding-1")
    assert not first.find_element(By.CSS_SELECTOR, ".source").is_displayed()
    first.find_element(By.TAG_NAME, "summary").click()
    assert first.find_element(By.CSS_SELECTOR, ".source mark").is_displayed()
    browser.get(f"{report}#finding-3")
    browser.refresh()
    assert browser.find_element(By.CSS_SELECTOR, "#finding-3 .source").is_displayed()


def test_maps_are_drawn_when_they_are_opened(browser: Chrome, report: str) -> None:
    browser.get(report)
    one = browser.find_element(By.ID, "map-0")
    assert one.find_elements(By.CSS_SELECTOR, ".map > li") == []
    one.find_element(By.TAG_NAME, "summary").click()
    rows = WebDriverWait(browser, 10).until(lambda _: one.find_elements(By.CSS_SELECTOR, ".map > li"))
    assert [row.get_attribute("class") for row in rows][:2] == ["provider fires", "begin"]
    assert "session.commit()" in one.text
    assert one.find_elements(By.CSS_SELECTOR, ".rail .tx"), "the transaction's rail"
    one.find_element(By.CSS_SELECTOR, ".commit a.code").click()
    target = js(browser, "return location.hash.slice(1)")
    assert browser.find_element(By.ID, target).get_attribute("open")
    assert "SL304" in browser.find_element(By.ID, target).text
    browser.find_element(By.ID, "entry").send_keys("delete")
    assert [item["bounds"] for item in shown(browser, "#map-list > li")] == ["begin block + provider commits"]


def test_the_keyboard_is_enough(browser: Chrome, report: str) -> None:
    browser.get(report)
    press(browser, Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the report"
    press(browser, Keys.ENTER, "/")
    assert browser.switch_to.active_element.get_attribute("id") == "q"
    press(browser, "j")
    assert browser.find_element(By.ID, "q").get_attribute("value") == "j", "typed, not a shortcut"
    press(browser, Keys.ESCAPE, Keys.ESCAPE)
    assert browser.find_element(By.ID, "q").get_attribute("value") == ""
    js(browser, "scrollTo(0, 0)")
    press(browser, "j", "j", Keys.ENTER)
    assert (
        js(browser, "return document.activeElement.parentElement.open && document.activeElement.parentElement.id")
        == "module-2"
    )
    press(browser, "k", "?")
    assert browser.find_element(By.ID, "help").is_displayed()
    press(browser, Keys.ESCAPE, "e")
    assert not browser.find_element(By.ID, "help").is_displayed()
    assert js(browser, "return document.querySelectorAll('.findings details:not([open])').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_switch(browser: Chrome, report: str, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(report)
    js(browser, "localStorage.clear()")
    browser.refresh()
    background = "return getComputedStyle(document.body).backgroundColor"
    before = js(browser, background)
    press(browser, "d")
    after = js(browser, background)
    assert before != after
    browser.refresh()
    assert js(browser, background) == after, "it is remembered"
    js(browser, "localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser: Chrome, report: str, scheme: str) -> None:
    """Every colour of text is at least 4.5 : 1 on its ground (WCAG 2.2, AA)."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(report)
    js(browser, "document.querySelectorAll('details').forEach(d => { d.open = true; })")
    poor = js(browser, CONTRAST)
    assert poor == []


CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const ground = (el) => { for (; el; el = el.parentElement) { const c = numbers(getComputedStyle(el).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
const poor = new Map();
for (const el of document.querySelectorAll('body *')) {
  if (![...el.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !el.checkVisibility() || el.matches('script, style, option')) continue;
  const [a, b] = [luminance(numbers(getComputedStyle(el).color)), luminance(ground(el))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) poor.set(`${el.tagName}.${el.className}`, ratio);
}
return [...poor];
"""


@pytest.mark.parametrize("width", [1280, 800, 390])
def test_it_fits_the_window(browser: Chrome, report: str, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(report)
    js(browser, "document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert js(browser, "return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_prints(browser: Chrome, report: str) -> None:
    browser.get(report)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {})
    assert len(printed["data"]) > 50_000
    assert js(browser, "return document.querySelectorAll('.findings details[open]').length") == 0, "closed again"


def test_a_planted_payload_does_not_run(browser: Chrome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = "document.documentElement.dataset.owned=1"
    payloads = f"</script><script>{attack}</script><img src=x onerror={attack}><svg onload={attack}>`${{{attack}}}`"
    lay_out(
        tmp_path,
        {
            "pyproject.toml": "",
            f"<img src=x onerror={attack}>.py": f"# {payloads}\n# \u202etxet\x00\x1b[0m\nfault_error('{payloads}')\n",
            "app.py": "\n".join(
                [
                    "from fastapi import FastAPI, Depends",
                    "from sqlalchemy.orm import Session",
                    "app = FastAPI()",
                    f"@app.get('/{payloads}')",
                    "def show(session: Session = Depends(Session)):",
                    "    session.commit()",
                ]
            ),
        },
    )
    use_rules(monkeypatch, stand_in(tmp_path))
    page = tmp_path / "report.html"
    page.write_text(html.render(session_lint.check([tmp_path])), "utf-8")
    browser.get(page.as_uri())
    js(browser, "document.querySelectorAll('details').forEach(d => { d.open = true; })")
    WebDriverWait(browser, 10).until(lambda b: b.find_elements(By.CSS_SELECTOR, ".map > li"))
    assert js(browser, "return document.documentElement.dataset.owned") is None
    assert js(browser, "return document.querySelectorAll('img, main script, main svg[onload]').length") == 0
    text = browser.find_element(By.ID, "finding-1").text
    assert payloads in text
    assert "\\u202e" in text
    assert payloads in browser.find_element(By.ID, "map-list").text


def test_the_policy_stops_what_gets_past_the_escaping(browser: Chrome, report: str, tmp_path: Path) -> None:
    attack = "document.documentElement.dataset.owned=1"
    raw = Path(unquote(urlsplit(report).path)).read_text("utf-8")
    page = tmp_path / "attacked.html"
    page.write_text(raw.replace("<main", f"<script>{attack}</script><img src=x onerror={attack}><main"), "utf-8")
    browser.get(page.as_uri())
    blocked = "; ".join(entry["message"] for entry in browser.get_log("browser"))  # type: ignore[no-untyped-call]
    assert "Content Security Policy" in blocked
    assert js(browser, "return document.documentElement.dataset.owned") is None
