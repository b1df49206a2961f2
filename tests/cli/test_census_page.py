"""The page of `tpgen census --html`, in Chromium."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tpgen.census import page
from tpgen.census.records import Record
from tpgen.census.table import Cell, Census, Row, Status

from tests.unit.test_census_page import SMALL, cell, record, route

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
in_browser = pytest.mark.skipif(
    BROWSER is None and "CI" not in os.environ, reason="no Chromium here"
)
HOSTILE = "</script></code>\"'><script>document.title = 'run'</script><img src=x onerror=run()>"
HIDING = "a\u202egnp.exe\x00\x1b[31m\ud800\u200b"
ORIGINAL = "Sorted by: original order."
LIGHT, DARK = "light", "dark"
DESKTOP, PHONE = 1200, 360
CASES = (
    "the_suite_fits_the_route",
    "happy_path",
    "an_error_quotes_neither_the_upstream_nor_a_key",
    "422_on_a_malformed_request",
    "401_without_a_key",
    "401_with_an_unknown_key",
    "401_with_a_malformed_key",
    "401_with_a_revoked_key",
    "403_with_the_key_of_another_tenant",
)


class Tab:
    """A tab of Chromium, driven through the DevTools protocol on a pipe."""

    def __init__(self, profile: Path) -> None:
        to_browser, self._to_browser = os.pipe()
        self._from_browser, from_browser = os.pipe()
        # The protocol wants file descriptors 3 and 4.
        redirect = f'exec "$@" 3</dev/fd/{to_browser} 4>/dev/fd/{from_browser}'
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            ["sh", "-c", redirect, "sh", str(BROWSER), *options, f"--user-data-dir={profile}"],
            pass_fds=(to_browser, from_browser),
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._answers = os.fdopen(self._from_browser, "rb")
        self._left = b""
        self._count = 0
        self._session: dict[str, str] = {}
        self.requested: list[str] = []
        self.console: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": session["sessionId"]}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        """Send a command; return its result."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": parameters, **self._session}
        os.write(self._to_browser, json.dumps(command).encode() + b"\0")
        while (message := self._read()).get("id") != self._count:
            self._keep(message)
        assert "error" not in message, message
        return message["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            read = self._answers.read1()
            assert read, "Chromium has ended"
            self._left += read
        message, _, self._left = self._left.partition(b"\0")
        return dict(json.loads(message))

    def _keep(self, event: dict[str, Any]) -> None:
        """Keep an event: what was requested, and what the console says."""
        if event["method"] == "Network.requestWillBeSent":
            self.requested.append(event["params"]["request"]["url"])
        if event["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.console.append(json.dumps(event["params"]))

    def open(self, path: Path, *, scripts: bool = True) -> None:
        """Open a page and wait until it is loaded."""
        self.requested.clear()
        self.console.clear()
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.send("Page.navigate", url=path.as_uri())
        while (event := self._read()).get("method") != "Page.loadEventFired":
            self._keep(event)

    def show(self, scheme: str = LIGHT, width: int = DESKTOP, media: str = "screen") -> None:
        """Set the color scheme, the width and the medium."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=media, features=features)
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width == PHONE,
        )

    def run(self, script: str) -> Any:
        """Return what a script returns; it may await."""
        done = self.send(
            "Runtime.evaluate",
            expression=f"(async () => {{ {script} }})()",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            given: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code}
            given |= {"text": text} if text and kind == "keyDown" else {}
            self.send("Input.dispatchKeyEvent", type=kind, **given)

    def close(self) -> None:
        """End the browser."""
        self._session = {}
        self.send("Browser.close")
        self._process.wait(timeout=20)
        self._answers.close()
        os.close(self._to_browser)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    tab = Tab(tmp_path_factory.mktemp("chromium"))
    yield tab
    tab.close()


def of_routes(count: int, every: int) -> Census:
    """A census of many routes; of each `every` one, a case is not proved."""
    statuses: list[Status] = ["missing", "failed", "later", "exempt", "elsewhere"]
    rows = []
    for number in range(count):
        cells = [cell(case) for case in CASES]
        if number % every == 0:
            status = statuses[number // every % 5]
            reason = {"why": "no passing test of the suite", "until": "2027-01-31"}
            cells[number % 9] = cell(CASES[number % 9], status, **reason)
        rows.append(route(f"/v1/things{number}/{{thing_id}}", *cells))
    return Census(record(), rows)


def opened(tab: Tab, census: Census, folder: Path, *, scripts: bool = True) -> str:
    """Open the page of a census; return its HTML."""
    text = page.render(census)
    (folder / "census.html").write_text(text, encoding="utf-8")
    tab.open(folder / "census.html", scripts=scripts)
    return text


def components(tab: Tab) -> list[str]:
    """The components that are shown, in their order."""
    script = """while (typeof frame !== "undefined" && frame) await new Promise(requestAnimationFrame);
        return [...document.querySelectorAll("tbody tr")].filter(row => row.checkVisibility())
            .map(row => row.querySelector("button").textContent);"""
    return list(tab.run(script))


def cases(tab: Tab) -> list[str]:
    """The cases whose columns are shown."""
    script = """return [...document.querySelectorAll("thead th + th")]
        .filter(head => head.checkVisibility()).map(head => head.firstChild.firstChild.data.trim());"""
    return list(tab.run(script))


def choose(tab: Tab, **values: str) -> str:
    """Fill in fields of the filter; return what is announced."""
    for name, value in values.items():
        tab.run(f"""const field = document.getElementById("{name}");
            field.value = {json.dumps(value)};
            field.dispatchEvent(new Event("input", {{ bubbles: true }}));
            field.dispatchEvent(new Event("change", {{ bubbles: true }}));""")
    return str(tab.run("return document.querySelector('[aria-live=polite]').textContent"))


def violations(tab: Tab, *without: str) -> list[str]:
    """What axe-core finds; it also runs its advice on best practices."""
    rules = {rule: {"enabled": False} for rule in without}
    options = json.dumps({"resultTypes": ["violations"], "rules": rules})
    # The package is not imported: it would import Playwright.
    spec = find_spec("axe_playwright_python")
    assert spec and spec.origin
    tab.run(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    script = f"""const {{ violations }} = await axe.run(document, {options});
        return violations.map(({{ id, nodes }}) => `${{id}}: ${{nodes[0].html.slice(0, 300)}}`);"""
    return list(tab.run(script))


@in_browser
@pytest.mark.parametrize(("scheme", "width"), [(LIGHT, DESKTOP), (DARK, DESKTOP), (LIGHT, PHONE)])
def test_accessible(scheme: str, width: int, tab: Tab, tmp_path: Path) -> None:
    """axe-core finds nothing, with all statuses and warnings, and with the details open."""
    opened(tab, Census(SMALL.record, [*of_routes(5, every=1).rows, *SMALL.rows]), tmp_path)
    tab.show(scheme, width)
    assert violations(tab) == []
    choose(tab, text="/a")
    tab.run("document.querySelector('section:not([hidden]) tr:not([hidden]) button').click()")
    assert tab.run("return document.querySelectorAll(':popover-open').length") == 1
    assert violations(tab) == []


@in_browser
def test_500_routes(tab: Tab, tmp_path: Path) -> None:
    """The page is small, and the filter fast; what depends on color or width: test_accessible."""
    text = opened(tab, of_routes(500, every=10), tmp_path)
    tab.show()
    assert len(text.encode()) < 3_000_000
    assert len(components(tab)) == 500
    # These three take more than 10 seconds here: test_accessible runs them on a small page.
    assert violations(tab, "color-contrast", "target-size", "region") == []
    script = """const started = performance.now();
        field.value = field.value ? "" : "things49";
        field.dispatchEvent(new Event("input", { bubbles: true }));
        document.body.getBoundingClientRect();
        return performance.now() - started;"""
    tab.run("globalThis.field = document.getElementById('text')")
    times = [tab.run(script) for _ in range(6)]
    assert sorted(times)[2] < 200, times
    assert len(components(tab)) == 500
    assert (
        choose(tab, text="THINGS49")
        == "11 of 500 components, 99 required cases. Sorted by: original order."
    )


@in_browser
def test_filter(tab: Tab, tmp_path: Path) -> None:
    """A text selects components or cases, and a status the ones that have it."""
    opened(tab, SMALL, tmp_path)
    everything = ["GET /b10", "GET /b9", "GET /a", "GET /docs", "AppSuite"]
    assert components(tab) == everything
    said = choose(tab, text=" get  /A ")
    assert (said, components(tab)) == (
        f"1 of 5 components, 3 required cases. {ORIGINAL}",
        ["GET /a"],
    )
    choose(tab, text="without a KEY")
    assert (components(tab), cases(tab)) == (everything[:3], ["401 without a key"])
    choose(tab, text="docs")
    assert (components(tab), cases(tab)) == (["GET /docs"], [])
    choose(tab, text="", status="exempt")
    assert (components(tab), cases(tab)) == (["GET /a"], ["403"])
    choose(tab, status="missing failed later exempt elsewhere")
    assert components(tab) == ["GET /b10", "GET /a"]
    said = choose(tab, status="later")
    assert (said, components(tab)) == ("No match in 5 components.", [])
    assert choose(tab, status="") == f"5 of 5 components, 8 required cases. {ORIGINAL}"
    assert components(tab) == everything


@in_browser
def test_sorting(tab: Tab, tmp_path: Path) -> None:
    """By name, with numbers in their order, or by what is missing; and back."""
    opened(tab, SMALL, tmp_path)
    assert choose(tab, order="name").endswith(" Sorted by: name.")
    assert components(tab) == ["GET /a", "GET /b9", "GET /b10", "GET /docs", "AppSuite"]
    assert choose(tab, order="bad").endswith(" Sorted by: most missing or failed.")
    assert components(tab) == ["GET /a", "GET /b10", "GET /b9", "GET /docs", "AppSuite"]
    choose(tab, order="given", status="missing")
    assert components(tab) == ["GET /b10", "GET /a"]


@in_browser
def test_keyboard(tab: Tab, tmp_path: Path) -> None:
    """Enter opens the details of a component, with the focus in them; Escape goes back."""
    opened(tab, SMALL, tmp_path)
    focused = "return document.activeElement.textContent"
    tab.run("document.querySelector('.scroll').focus()")
    tab.press("Tab", 9)
    assert tab.run(focused) == "GET /b10"
    tab.press("Enter", 13, "\r")
    assert tab.run(focused) == "Close"
    details = tab.run("return document.querySelector(':popover-open').innerText")
    assert re.findall(r"missing: .+\n+.+", details) == ["missing: 401 without a key\n\nnot seen"]
    assert "tests/integration/test_routes.py::TestRoute::test_happy_path" in details
    tab.press("Escape", 27)
    assert tab.run(focused) == "GET /b10"
    assert tab.run("return document.querySelector(':popover-open')") is None


@in_browser
def test_click_in_a_row(tab: Tab, tmp_path: Path) -> None:
    opened(tab, SMALL, tmp_path)
    tab.run("document.querySelector('td.exempt').click()")
    details = tab.run("return document.querySelector(':popover-open').innerText")
    assert details.index("failed: happy path") < details.index("exempt: 403")
    assert "https://example.org/7" in details and "Exempt until 2027-01-31" in details


@in_browser
def test_phone(tab: Tab, tmp_path: Path) -> None:
    """The tables scroll, and the page does not, with texts of any length."""
    long = route("/" + "a" * 300, cell("b" * 300, why="c" * 300, tests=["d" * 300]))
    note = {"kind": "mock", "what": "e" * 300, "file": "f" * 300, "line": 1}
    changes = {"files": {"g" * 200: ""}, "selection": {"why_not": ["h" * 300]}, "imports": [note]}
    opened(tab, Census(record(**changes), [long, *SMALL.rows]), tmp_path)
    tab.show(width=PHONE)
    sizes = (
        "return ['html', 'body', '.scroll'].map(name => document.querySelector(name).scrollWidth)"
    )
    page_width, body_width, table_width = tab.run(sizes)
    assert page_width == PHONE and body_width <= PHONE < table_width
    tab.run("document.querySelector('tbody button').click()")
    right = "return document.querySelector(':popover-open').getBoundingClientRect().right"
    assert tab.run(right) < PHONE and tab.run(sizes)[0] == PHONE


@in_browser
def test_sign_and_word(tab: Tab, tmp_path: Path) -> None:
    """A status is a word, with a sign of its own that a screen reader does not read."""
    statuses: list[Status] = ["proved", "failed", "missing", "later", "exempt", "elsewhere"]
    opened(tab, Census(record(), [route("/a", *(cell(one, one) for one in statuses))]), tmp_path)
    script = """return [...document.querySelectorAll("tbody td")]
        .map(cell => [cell.textContent, getComputedStyle(cell, "::before").content]);"""
    shown = tab.run(script)
    assert [word for word, _ in shown] == statuses
    assert len({sign for _, sign in shown}) == 6
    assert all(re.fullmatch(r'"\S " / ""', sign) for _, sign in shown), shown


@in_browser
def test_without_script(tab: Tab, tmp_path: Path) -> None:
    """All is shown, the fields that need a script are not, and the details open."""
    opened(tab, SMALL, tmp_path, scripts=False)
    tab.show()
    assert components(tab) == ["GET /b10", "GET /b9", "GET /a", "GET /docs", "AppSuite"]
    assert not tab.run("return document.querySelector('form').checkVisibility()")
    tab.run("document.querySelector('tbody button').focus()")
    tab.press("Enter", 13, "\r")
    assert "not seen" in tab.run("return document.querySelector(':popover-open').innerText")


@in_browser
def test_print(tab: Tab, tmp_path: Path) -> None:
    """Below the tables, the reasons for what is not proved; no fields."""
    opened(tab, SMALL, tmp_path)
    tab.show(DARK, media="print")
    shown = tab.run("return document.body.innerText")
    assert shown.count("not seen") == 2 and "Exempt until" in shown and "Close" not in shown
    assert not tab.run("return document.querySelector('form').checkVisibility()")
    assert tab.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@in_browser
def test_hostile_texts(tab: Tab, tmp_path: Path) -> None:
    """Texts of the service are shown as they are, and run nothing."""
    texts = (HOSTILE, HIDING)
    rows = [
        Row(text, f"{text} {text}", text, 1, [Cell(text, text, status, [text], text, text, text)])
        for text in texts
        for status in ("proved", "missing")
    ]
    places = [{"kind": text, "what": text, "file": text, "line": 1} for text in texts]
    missed = [{"file": text, "line": 1, "name": text, "reason": text} for text in texts]
    changes = {"imports": places, "uncollected": missed, "selection": {"why_not": [*texts]}}
    hostile = record(id=HOSTILE, started=HIDING, files={HOSTILE: ""}, **changes)
    text = opened(tab, Census(Record(hostile.content, Path("/srv", HOSTILE)), rows), tmp_path)
    assert tab.console == [] and len(tab.requested) == 1
    assert tab.run("return document.title").startswith("Test census of ")
    assert tab.run("return [document.scripts.length, document.images.length]") == [1, 0]
    assert tab.run("return document.querySelectorAll('*|*[onerror]').length") == 0
    shown = tab.run("return document.body.textContent")
    assert shown.count(HOSTILE) > 10
    assert shown.count(r"a\u202egnp.exe\x00\x1b[31m\ud800\u200b") > 10
    assert not re.search("[\x00\x1b\u202e\u200b]", text)
