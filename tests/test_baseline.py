"""The baseline and earlier revisions: what was there before is not reported again, and nothing else is kept quiet."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from projects import lay_out, stand_in, use_rules
from test_pre_commit import PROJECT, commit_all, git

import session_lint
from session_lint.baseline import Baseline, baseline_text, read_baseline
from session_lint.cli import main
from session_lint.errors import UserError
from session_lint.findings import Confidence, Finding, Severity
from session_lint.fingerprints import Mark
from session_lint.ir import Span
from session_lint.past import Past
from session_lint.revision import files_at, resolve
from session_lint.settings import BASELINE_FILE

SETTINGS = f"[tool.session-lint]\nbaseline = '{BASELINE_FILE}'\n"


def invoke(*arguments: str | Path) -> Any:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def places(*arguments: str | Path) -> list[str]:
    result = invoke("check", *arguments, "--output-format", "json")
    assert result.exit_code in {0, 1}, result.stderr
    return [f"{one['filename']}:{one['location']['row']} {one['code']}" for one in json.loads(result.stdout)]


def rows(root: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (root / BASELINE_FILE).read_text().splitlines()[1:]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = lay_out(
        tmp_path / "project",
        {"pyproject.toml": SETTINGS, "app/a.py": "fault_error()\n", "lib/b.py": "fault_warning()\n"},
    )
    use_rules(monkeypatch, stand_in(root), stand_in(root, code="SL105", check="engine-use"))
    monkeypatch.chdir(root)
    return root


def test_what_is_recorded_is_not_reported(project: Path) -> None:
    result = invoke("baseline")
    assert result.stdout == f"Recorded 4 findings of 2 files in {BASELINE_FILE}.\n"
    result = invoke("check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "No problems found (4 not new)."
    assert places() == []
    assert len(places("--no-baseline")) == 4
    assert "Violations" in invoke("audit").stdout


def test_the_file_is_sorted_and_has_a_line_for_each_finding(project: Path) -> None:
    invoke("baseline")
    lines = (project / BASELINE_FILE).read_text().splitlines()
    assert lines[0] == '{"session-lint-baseline": 1}'
    assert lines[1:] == sorted(lines[1:])
    assert [(row["path"], row["code"]) for row in rows(project)] == [
        ("app/a.py", "SL105"),
        ("app/a.py", "SL302"),
        ("lib/b.py", "SL105"),
        ("lib/b.py", "SL302"),
    ]
    before = (project / BASELINE_FILE).read_bytes()
    invoke("baseline")
    assert (project / BASELINE_FILE).read_bytes() == before


def test_twins_are_counted(project: Path) -> None:
    lay_out(project, {"app/a.py": "fault_error()\nfault_error()\n"})
    invoke("baseline")
    lay_out(project, {"app/a.py": "\n# moved\nfault_error()\n\nfault_error()\nfault_error()\n"})
    assert places() == ["app/a.py:6 SL105", "app/a.py:6 SL302"]
    assert invoke("check").exit_code == 1
    lay_out(project, {"app/a.py": "fault_error()\n"})
    assert places() == [f"{BASELINE_FILE}:3 SL905"]


def test_entries_that_match_nothing_are_told_and_pruned(project: Path) -> None:
    invoke("baseline")
    lay_out(project, {"app/a.py": "fault_error()\nfault_info()\n", "lib/b.py": ""})
    shown = invoke("check", "--output-format", "concise").stdout
    assert "2 entries of the baseline match no finding any more" in shown
    new = ["app/a.py:2 SL105", "app/a.py:2 SL302"]
    assert places("app") == new  # a part of the project says nothing of the rest
    assert places("--select", "SL302,SL905") == [new[1], f"{BASELINE_FILE}:5 SL905"]
    assert places("--ignore", "SL905") == new
    assert invoke("baseline", "--prune").stdout == f"Took 2 entries out of {BASELINE_FILE}; 2 stay.\n"
    assert places() == new


def test_a_deleted_file_leaves_the_baseline(project: Path) -> None:
    invoke("baseline")
    (project / "lib/b.py").unlink()
    assert [place.partition(" ")[2] for place in places()] == ["SL905"]
    invoke("baseline", "--prune")
    assert {row["path"] for row in rows(project)} == {"app/a.py"}
    assert places() == []


def test_what_a_run_cannot_judge_stays(project: Path) -> None:
    invoke("baseline")
    before = rows(project)
    invoke("baseline", "app")
    assert rows(project) == before
    invoke("baseline", "--select", "SL105")
    assert rows(project) == before
    invoke("baseline", "--prune", "--select", "SL105")
    assert rows(project) == before
    assert places("--select", "SL105,SL905") == []
    lay_out(project, {"app/a.py": ""})
    invoke("baseline", "app")
    assert [row["path"] for row in rows(project)] == ["lib/b.py", "lib/b.py"]


def test_a_suppressed_finding_has_no_place_in_it(project: Path) -> None:
    invoke("baseline")
    lay_out(project, {"lib/b.py": "fault_warning()  # noqa: SL302, SL105\n"})
    assert [place.partition(" ")[2] for place in places()] == ["SL905"]
    invoke("baseline")
    assert len(rows(project)) == 2


def test_an_unreadable_file_is_never_known(project: Path) -> None:
    lay_out(project, {"app/c.py": "if\n"})
    invoke("baseline")
    assert "SL902" not in {row["code"] for row in rows(project)}
    assert places() == ["app/c.py:1 SL902"]


def test_a_baseline_of_the_usual_name_takes_no_setting(project: Path) -> None:
    lay_out(project, {"pyproject.toml": ""})
    assert invoke("baseline").stdout == f"Recorded 4 findings of 2 files in {BASELINE_FILE}.\n"
    assert places() == []
    assert len(places("--no-baseline")) == 4
    said = invoke("baseline", "--baseline", "known.jsonl", "app").stdout
    assert "`check` heeds it with --baseline known.jsonl, or once [tool.session-lint] names it as `baseline`." in said
    assert places("--baseline", "known.jsonl") == ["lib/b.py:1 SL105", "lib/b.py:1 SL302"]


def test_the_setting_is_relative_to_its_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    invoke("baseline")
    monkeypatch.chdir(project / "app")
    assert places() == []
    assert session_lint.check([project / "app"]).findings == ()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "does not exist; `session-lint baseline` writes a baseline."),
        (b"", "is no baseline of this version of session-lint; `session-lint baseline` writes one."),
        (b"[]\n", "is no baseline of this version of session-lint; `session-lint baseline` writes one."),
        (b'{"session-lint-baseline": 2}\n', "is no baseline of this version"),
        (b'{"session-lint-baseline": 1}\n<<<<<<< HEAD\n', ":2 is no entry of a baseline; take the line out"),
        (b'{"session-lint-baseline": 1}\n{"path": 1}\n', ":2 is no entry of a baseline; take the line out"),
        (b"\xff\n", "cannot be read: it is not valid UTF-8."),
    ],
)
def test_what_is_no_baseline_is_said(project: Path, content: bytes | None, sentence: str) -> None:
    if content is not None:
        (project / BASELINE_FILE).write_bytes(content)
    result = invoke("check")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert invoke("check", "--no-baseline").exit_code == 1
    if content is None:
        assert invoke("baseline", "--prune").exit_code == 2


def test_a_folder_is_no_baseline(project: Path) -> None:
    (project / BASELINE_FILE).mkdir()
    for command in ("check", "baseline"):
        result = invoke(command)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"session-lint: {project / BASELINE_FILE} cannot be read: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--baseline", "x", "--no-baseline"],
        ["--diff-base", "HEAD", "--also-new-since", "HEAD"],
        ["--diff-base", "HEAD"],  # no repository
    ],
)
def test_what_cannot_be_is_said(project: Path, arguments: list[str]) -> None:
    invoke("baseline")
    result = invoke("check", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


MARKS = st.builds(Mark, st.sampled_from("ab"), st.sampled_from("fg"), st.just("SL302"), st.sampled_from("01"))


def finding(one: Mark) -> Finding:
    return Finding(
        one.code, "n", "m", one.path, Span(1, 1, 1, 2), Severity.ERROR, Confidence.HIGH, one.symbol, digest=one.digest
    )


@given(st.lists(MARKS, max_size=12), st.lists(MARKS, max_size=12))
def test_n_entries_stand_for_n_findings(recorded: list[Mark], now: list[Mark]) -> None:
    past = Past(Baseline(Path("x"), tuple(enumerate(recorded, 2))), None)
    new, old = past.part([finding(one) for one in now], frozenset("ab"))
    for one in {*recorded, *now}:
        same = finding(one)
        assert old.count(same) == min(recorded.count(one), now.count(one))
        assert new.count(same) == now.count(one) - old.count(same)
    stale = past.stale([finding(one) for one in now], {"SL302"}, {"SL302"})
    assert len(stale) == len(recorded) - len(old)


@given(st.lists(st.builds(Mark, st.text(), st.text(), st.text(), st.text()), max_size=5))
def test_any_name_can_be_recorded(tmp_path_factory: pytest.TempPathFactory, marks: list[Mark]) -> None:
    file = tmp_path_factory.mktemp("b") / "x"
    file.write_text(baseline_text(marks), "utf-8")
    assert [entry for _, entry in read_baseline(file).entries] == sorted(marks)


def test_two_branches_merge(project: Path) -> None:
    (project / ".gitattributes").write_text(f"{BASELINE_FILE} merge=union\n")
    invoke("baseline", "lib")
    commit_all(project)
    git(project, "checkout", "-q", "-b", "one")
    lay_out(project, {"app/a.py": "fault_error()\n", "app/z.py": "fault_info()\n"})
    invoke("baseline")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "one")
    git(project, "checkout", "-q", "-")
    lay_out(project, {"zoo/z.py": "fault_info()\n"})
    invoke("baseline", "zoo")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "two")
    git(project, "merge", "-q", "--no-edit", "one")
    assert places() == []


# Earlier revisions


@pytest.fixture
def repository(project: Path) -> Path:
    lay_out(project, {"pyproject.toml": ""})
    commit_all(project)
    return project


def test_only_what_is_new_since_a_revision(repository: Path) -> None:
    assert places("--diff-base", "HEAD") == []
    lay_out(
        repository, {"app/a.py": "# moved\n\nfault_error()\nfault_error()\nfault_error()\n", "new.py": "fault_info()"}
    )
    # Stand-ins look for marks on disk, so what was at the revision is told by a rule that reads the program alone.
    assert invoke("check", "--diff-base", "nowhere").exit_code == 2
    assert "nowhere is no revision" in invoke("check", "--diff-base", "nowhere").stderr
    assert invoke("check", "--diff-base", "--upload-pack=x").exit_code == 2


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real project in a repository: one finding, in app/service.py."""
    root = lay_out(tmp_path / "service", {**PROJECT, ".gitignore": ".session_lint_cache/\n"})
    commit_all(root)
    monkeypatch.chdir(root)
    assert places() == ["app/service.py:3 SL304"]
    return root


MOVED = "import os\n\n\n" + PROJECT["app/service.py"].replace("unit.add(item)", "unit.add(os)")
MORE = MOVED + "\n\nasync def drop(unit, item):\n    await unit.delete(item)\n    await unit.commit()\n"
USED = PROJECT["app/router.py"].replace("import store", "import drop, store") + "        await drop(unit, 2)\n"


@pytest.mark.parametrize("cached", [False, True])
def test_moved_code_is_not_new_and_new_code_is(service: Path, cached: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = [] if cached else ["--no-cache"]
    monkeypatch.delenv("SESSION_LINT_NO_CACHE", raising=False)
    assert places("--diff-base", "HEAD", *cache) == []
    lay_out(service, {"app/service.py": MOVED})
    assert places("--diff-base", "HEAD", *cache) == []
    lay_out(service, {"app/service.py": MORE, "app/router.py": USED})
    assert places("--diff-base", "HEAD", *cache) == ["app/service.py:11 SL302"]
    assert places("--diff-base", "HEAD", *cache) == ["app/service.py:11 SL302"]
    assert len(places(*cache)) == 2
    git(service, "commit", "-qam", "more")
    assert places("--diff-base", "HEAD", *cache) == []
    assert places("--diff-base", "HEAD~1", *cache) == ["app/service.py:11 SL302"]
    assert "\nFound 1 error in 1 file (1 not new).\n" in invoke("check", "--diff-base", "HEAD~1").stdout


def test_nothing_is_checked_out_and_nothing_runs(service: Path) -> None:
    lay_out(service, {"app/service.py": MORE, "app/router.py": USED, "untracked.py": "x = 1\n"})
    for hook in ("post-checkout", "pre-commit", "post-index-change"):
        path = service / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {service}/ran\n")
        path.chmod(0o755)
    git(service, "config", "core.fsmonitor", f"touch {service}/ran; true")
    git(service, "config", "filter.x.smudge", f"touch {service}/ran; cat")
    lay_out(service, {".git/info/attributes": "*.py filter=x diff=x\n"})
    tracked = {path: path.read_bytes() for path in service.rglob("*") if path.is_file() and "cache" not in str(path)}
    (service / "ran").unlink(missing_ok=True)
    assert places("--diff-base", "HEAD") == ["app/service.py:11 SL302"]
    assert {path: path.read_bytes() for path in tracked} == tracked
    assert not (service / "ran").exists()


def test_findings_elsewhere_that_are_new(service: Path) -> None:
    # The router changes, and a commit in the service, which does not, becomes wrong.
    free = PROJECT["app/router.py"].replace(
        "    async with unit.begin():\n        await store(unit, 1)", "    return unit"
    )
    lay_out(service, {"app/router.py": free})
    git(service, "commit", "-qam", "free")
    before = places()
    lay_out(service, {"app/router.py": PROJECT["app/router.py"]})
    assert places("app/router.py") == []
    assert places("app/router.py", "--also-new-since", "HEAD") == ["app/service.py:3 SL304"]
    assert before == []
    # In the given files everything is reported, new or not.
    git(service, "commit", "-qam", "bound")
    assert places("app/router.py", "--also-new-since", "HEAD") == []
    assert places("app/service.py", "--also-new-since", "HEAD") == ["app/service.py:3 SL304"]


def test_in_a_range_of_commits_new_is_what_the_range_brings(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(service, {"app/router.py": PROJECT["app/router.py"].replace("    async with unit.begin():\n    ", "")})
    git(service, "commit", "-qam", "free")
    start = resolve(service, "HEAD")
    lay_out(service, {"app/router.py": PROJECT["app/router.py"]})
    git(service, "commit", "-qam", "bound")
    assert places("app/router.py", "--also-new-since", "HEAD") == []
    monkeypatch.setenv("PRE_COMMIT_FROM_REF", start)
    assert places("app/router.py", "--also-new-since", "HEAD") == ["app/service.py:3 SL304"]
    assert places("app/router.py", "--also-new-since", "HEAD~1") == ["app/service.py:3 SL304"]


def test_what_was_found_before_is_kept_in_the_cache(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SESSION_LINT_NO_CACHE", raising=False)
    lay_out(service, {"app/service.py": MORE, "app/router.py": USED})
    expected = places("--diff-base", "HEAD")

    def fail(*arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("session_lint.judging.link", fail)
    assert places("--diff-base", "HEAD") == expected


def test_revisions(service: Path) -> None:
    head = resolve(service, "HEAD")
    assert resolve(service, head[:10]) == head
    git(service, "checkout", "-q", "-b", "side")
    git(service, "commit", "-q", "--allow-empty", "-m", "side")
    git(service, "branch", "-q", "-f", "trunk", head)
    side = resolve(service, "HEAD")
    git(service, "checkout", "-q", "trunk")
    git(service, "commit", "-q", "--allow-empty", "-m", "trunk")
    git(service, "checkout", "-q", "side")
    assert resolve(service, "trunk...") == head != side
    git(service, "checkout", "-q", "--orphan", "other")
    git(service, "commit", "-q", "--allow-empty", "-m", "other")
    with pytest.raises(UserError, match="no common commit"):
        resolve(service, "trunk...")


def test_in_a_hook_the_root_says_which_repository(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    expected = resolve(service, "HEAD")
    assert set(files_at(service / "app", expected, lambda path: True)) == {
        "__init__.py",
        *(name.removeprefix("app/") for name in PROJECT if name.startswith("app/")),
    }
    monkeypatch.chdir(service / "app")
    assert resolve(service / "app", "HEAD") == expected


def test_a_repository_of_somebody_else_is_said(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "as somebody else owns it" in invoke("check", "--diff-base", "HEAD").stderr


def test_without_git_it_is_said(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = invoke("check", "--diff-base", "HEAD")
    assert result.exit_code == 2
    assert "git is not installed" in result.stderr


def test_before_the_first_commit_everything_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out(tmp_path, PROJECT)
    git(root, "init", "-q")
    monkeypatch.chdir(root)
    assert resolve(root, "HEAD") == ""
    assert places("--diff-base", "HEAD") == ["app/service.py:3 SL304"]
    assert places("app/router.py", "--also-new-since", "HEAD") == ["app/service.py:3 SL304"]


def test_files_come_as_they_are_in_the_store(tmp_path: Path) -> None:
    names = {
        "sub/ä b.py": b"x = '\xc3\xa4'\n",
        "sub/empty.py": b"",
        "sub/crlf.py": b"a\r\nb\r\n",
        "sub/no_end.py": b"1",
    }
    lay_out(tmp_path, {**names, "other.py": "", "sub/data.txt": ""})
    if hasattr(Path, "symlink_to"):
        (tmp_path / "sub/link.py").symlink_to("empty.py")
    commit_all(tmp_path)
    is_python: Callable[[str], bool] = lambda path: path.endswith(".py")  # noqa: E731
    found = files_at(tmp_path / "sub", resolve(tmp_path, "HEAD"), is_python)
    assert found == {name.removeprefix("sub/"): content for name, content in names.items()}


def test_excluded_files_were_not_there_before_either(service: Path) -> None:
    # generated.py is in the repository, cannot be read, and is excluded by the settings.
    assert places("--diff-base", "HEAD") == []
    assert places("--isolated", "--diff-base", "HEAD", "--no-baseline") == []
    assert subprocess.run(["git", "status", "--porcelain"], cwd=service, capture_output=True, check=True).stdout == b""
