"""The HTML report, without a browser: its structure, what it escapes, and the rails of its diagrams."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from projects import lay_out, stand_in, use_rules

import session_lint
from session_lint.auditing import audit_report
from session_lint.ir import Span
from session_lint.pipeline import find_files, run
from session_lint.report import html
from session_lint.report.html.excerpts import Excerpts, highlighted
from session_lint.report.html.prose import pieces
from session_lint.report.html.rails import MAX_RAILS, draw
from session_lint.report.html.visible import script_json, visible
from session_lint.report.wrapping import sentences
from session_lint.request import Request
from session_lint.source import Sources
from session_lint.tracing import Step, Trace, trace

APPLICATION = Path(__file__).parent.parent / "fixtures" / "batch_scraper" / "violating"
VOID = {"meta", "input", "br", "wbr", "circle", "rect", "path"}


class Page(HTMLParser):
    """A page's elements, and the text of each one that has an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        opened = self.open.pop()[0] if tag != "option" or self.open[-1][0] == "option" else tag
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        for _, attrs in self.open:
            if attrs.get("id"):
                key = str(attrs["id"])
                self.texts[key] = self.texts.get(key, "") + data

    def ids(self, tag: str) -> list[str]:
        return [str(attrs["id"]) for name, attrs in self.elements if name == tag and attrs.get("id")]


@pytest.fixture(scope="module")
def text() -> str:
    request = Request(paths=(APPLICATION,), everything=True)
    return html.render(run(request, find_files(request)))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_sections_and_landmarks(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(tag) for tag in ("main", "header", "nav", "footer", "h1")] == [1, 1, 1, 1, 1]
    linked = [
        str(attrs["href"]) for tag, attrs in page.elements if tag == "a" and str(attrs.get("href")).startswith("#")
    ]
    ids = {str(attrs["id"]) for _, attrs in page.elements if attrs.get("id")}
    assert {link[1:] for link in linked} <= ids
    assert len(ids) == sum(1 for _, attrs in page.elements if attrs.get("id")), "an id stands once"
    labels = {str(attrs["aria-labelledby"]) for _, attrs in page.elements if attrs.get("aria-labelledby")}
    assert labels <= ids
    assert dict(page.elements[tags.index("html")][1])["lang"] == "en"


def test_it_says_what_the_run_found(page: Page) -> None:
    request = Request(paths=(APPLICATION,), everything=True)
    result = run(request, find_files(request))
    findings = [item for item in page.ids("details") if item.startswith("finding-")]
    assert len(findings) == len(result.findings)
    assert "Violations (1)" in page.texts["compliance"]
    assert "scraper/services/batch/functions.py" in page.texts["module-1"]
    double = next(page.texts[item] for item in findings if "create_batch commits inside" in page.texts[item])
    assert "await session.commit()" in double
    assert "create_batch_endpoint lends its session to create_batch" in double, "the call chain"
    assert "create_batch calls commit()" in double, "its end"
    report = audit_report(result)
    for fact in report.summary.facts[1:]:
        assert fact.label in page.texts["overview"]
    assert [item for item in page.ids("details") if item.startswith("rule-")] == [
        f"rule-{one.code}" for one in report.recommendations
    ]
    assert all(step.command in page.texts["next"] for step in report.next_steps)
    assert "process_batch_with_own_session" in page.texts["analysis"]
    drawings = json.loads(page.texts["drawings"])
    traces = [
        one for one in trace(result.program, result.findings, result.faults) if one.steps or one.codes or one.sources
    ]
    assert (
        len(drawings["maps"]) == len([item for item in page.ids("details") if item.startswith("map-")]) == len(traces)
    )
    assert not re.search(r"/(tmp|home|root|Users)/", "".join(page.texts.values())), "no path of this machine"


def test_nothing_is_fetched_and_only_our_own_code_runs(text: str, page: Page) -> None:
    for _, attrs in page.elements:
        assert not {"src", "style", "onclick", "onload", "onerror"} & attrs.keys()
        assert str(attrs.get("href", "#")).startswith("#")
    assert "url(" not in text
    assert "@import" not in text
    policy = next(str(a["content"]) for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    for body, kind in ((style, "style-src"), (script, "script-src")):
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy


def test_the_same_run_gives_the_same_page(text: str) -> None:
    request = Request(paths=(APPLICATION,), everything=True)
    assert html.render(run(request, find_files(request))) == text


def test_what_is_hostile_stays_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    payload = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    source = f"x = '{payload}\u202e \x00\x1b[31m {{{{ 7 * 7 }}}}'; fault_error()\n"
    lay_out(tmp_path, {"pyproject.toml": "", "<img src=x onerror=alert(2)>\u202egnp.py": source})
    use_rules(monkeypatch, stand_in(tmp_path))
    text = html.render(session_lint.check([tmp_path]))
    page = Page(text)
    assert "<img" not in text
    assert text.count("<script") == 2, "the data and ours"
    assert "\u202e" not in text
    assert "\x00" not in text
    assert "\x1b" not in text
    assert payload in page.texts["finding-1"]
    assert "\\u202e \\x00\\x1b[31m {{ 7 * 7 }}" in page.texts["finding-1"]
    assert "<img src=x onerror=alert(2)>\\u202egnp.py:1" in page.texts["finding-1"]


def test_a_project_without_sessions(tmp_path: Path) -> None:
    lay_out(tmp_path, {"pyproject.toml": "", "a.py": "x = 1\n"})
    page = Page(html.render(session_lint.check([tmp_path])))
    assert "No findings." in page.texts["findings"]
    assert "No entry point was found." in page.texts["maps"]
    assert "No module handles sessions." in page.texts["modules"]


def test_what_hides_is_spelled_out() -> None:
    assert visible("a\u202eb\x00\x7f\udce9\U000e0041 ä漢") == "a\\u202eb\\x00\\x7f\\udce9\\U000e0041 ä漢"
    assert "<" not in script_json({"</script>": "<!-- & \u2028"})
    assert json.loads(script_json({"</script>": "<!-- & \u2028"})) == {"</script>": "<!-- & \u2028"}


def test_excerpts_mark_what_is_reported(tmp_path: Path) -> None:
    lines = ["def f(s):", "\ts.commit(  # why", "\t)", "", "", "", "", "", "x = '" + "y" * 1000 + "'"]
    (tmp_path / "a.py").write_bytes("\r\n".join(lines).encode())
    excerpts = Excerpts(Sources(tmp_path, 10_000))
    shown = excerpts.around("a.py", Span(2, 2, 3, 3))
    assert [line.row for line in shown] == [1, 2, 3, 4, 5, 6]
    assert [line.row for line in shown if line.marked] == [2, 3]
    assert "".join(token.text for token in shown[1].tokens) == "    s.commit(  # why"
    assert "".join(token.text for token in shown[1].tokens if token.marked) == "s.commit(  # why"
    assert "".join(token.text for token in excerpts.at("a.py", 2)) == "s.commit(  # why"
    [long] = [line for line in excerpts.around("a.py", Span(9, 500, 9, 503)) if line.marked]
    assert len("".join(token.text for token in long.tokens)) < 310
    assert "".join(token.text for token in long.tokens if token.marked) == "yyy"
    assert excerpts.around("gone.py", Span(1, 1, 1, 2)) == ()
    assert excerpts.at("a.py", 99) == ()


@pytest.mark.parametrize(
    "text", ["", "x = '''\n", "a\x0cb\n\u2028c\r\rd", "\ufeffx = 1\n", "if 1:\n\tx = (\n", "$?!\n"]
)
def test_highlighting_keeps_lines(text: str) -> None:
    from session_lint.source import split_lines

    joined = ["".join(part for _, part in line) for line in highlighted(text)]
    assert joined == split_lines(text.removeprefix("\ufeff"))


PARTS = """\
import a; text = '''
class B:
'''; c = 1  # and
# between
@decorated(
    1
)
class A: "one line"

class B(A):

    \x0c
    x = f"{c!r}"

    async def f(self) -> None:
        '''Two
        lines.'''
        await x

    class Inner:
        y = 1

if c:
    print(1_000)
"""


@pytest.mark.parametrize(
    "text", [PARTS, Path(__file__).read_text("utf-8"), Path(session_lint.__file__).read_text("utf-8"), "def f(:\n"]
)
def test_a_line_looks_the_same_whatever_is_highlighted_with_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(text, "utf-8")
    rows = range(1, len(text.split("\n")) + 1)
    whole = [visible("".join(part for _, part in line).strip()) for line in highlighted(text)]
    for order in (rows, reversed(rows)):
        excerpts = Excerpts(Sources(tmp_path, 1_000_000))
        shown = {row: "".join(token.text for token in excerpts.at("a.py", row)) for row in order}
        assert [shown[row] for row in rows] == whole
    kinds = [[kind for kind, part in line for char in part if not char.isspace()] for line in highlighted(text)]
    excerpts = Excerpts(Sources(tmp_path, 1_000_000))
    for row, expected in zip(rows, kinds, strict=True):
        found = [t.kind for t in excerpts.at("a.py", row) for char in t.text if not char.isspace()]
        assert found == expected


def test_prose() -> None:
    assert [tuple(piece) for piece in pieces("`f` (a/b.py:3, 5) begins at c.py:7, ``a`b`` too")] == [
        ("code", "f"),
        ("text", " "),
        ("place", "a/b.py:3, 5"),
        ("text", " begins at "),
        ("place", "c.py:7"),
        ("text", ", "),
        ("code", "a`b"),
        ("text", " too"),
    ]
    assert [piece.text for piece in pieces("`f` (a.py:3, 5)", "a.py")] == ["f", " ", "lines 3, 5"]
    assert sentences("One. `two` e.g. three. 4 more.") == ("One.", "`two` e.g. three.", "4 more.")


def step(kind: str, text: str = "", *steps: Step) -> Step:
    return Step(kind, text, "a.py", 1, steps=steps)  # type: ignore[arg-type]


def drawn(*steps: Step) -> list[str]:
    """`kind before>after node` of each row."""
    one = Trace("f", "a", "endpoint", "GET /", "a.py", 1, (), "", (), steps)
    return [f"{r.kind} {''.join(map(str, r.before))}>{''.join(map(str, r.after))} {r.node}" for r in draw(one)]


def test_a_provider_ends_its_session() -> None:
    assert drawn(
        step("provider", "get_session: opens a session"),
        step("begin", "session.begin()", step("call", "work", step("write", "session.add()"))),
        step("end", "get_session commits and closes"),
    ) == ["provider 0>1 0", "begin 1>2 0", "call 2>2 -1", "write 2>2 0", "closed 2>1 0", "end 1>0 0"]


def test_the_first_use_begins_and_a_commit_ends() -> None:
    assert drawn(
        step("provider", "get_session: opens a session, and begins"),
        step("commit", "session.commit()"),
        step("read", "session.get()"),
        step("rollback", "session.rollback()"),
        step("end", "get_session commits"),
    ) == ["provider 0>2 0", "commit 2>1 0", "read 1>2 0", "rollback 2>1 0", "end 1>1 0"]


def test_a_session_inside_of_another_has_its_own_rail() -> None:
    assert drawn(
        step("provider", "outer: opens a session"),
        step("session", "inner: opens a session, commits at its end", step("savepoint", "s", step("flush", "s"))),
        step("read", "session.get()"),
        step("end", "outer closes"),
    ) == [
        "provider 00>10 0",
        "session 10>11 1",
        "savepoint 11>12 1",
        "flush 12>12 1",
        "closed 12>12 1",
        "closed 12>10 1",
        "read 10>20 0",
        "end 20>00 0",
    ]


def test_a_session_that_is_lent_is_open_from_the_start() -> None:
    assert drawn(step("call", "f", step("write", "s.add()")), step("close", "s.close()")) == [
        "call 1>1 -1",
        "write 1>2 0",
        "close 2>0 0",
    ]


def test_many_sessions_share_the_last_rail() -> None:
    rows = drawn(*(step("session", "opens a session") for _ in range(7)), step("begin"))
    assert all(len(row.split()[1]) == 2 * MAX_RAILS + 1 for row in rows)
