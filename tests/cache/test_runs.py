"""Runs with a cache: what they give is what a run without one gives, whatever became of the files and of the cache."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from session_lint.cache import store as stores
from session_lint.cache import tree as trees
from session_lint.cache.seal import SEAL_BYTES, seal, user_key
from session_lint.cache.store import CACHE_FOLDER, Store, clean, open_store
from session_lint.errors import UserError
from session_lint.pipeline import find_files, run
from session_lint.report.formats import FORMATS
from session_lint.request import Request
from session_lint.result import Result
from session_lint.rules.registry import Selection

PROJECT = Path(__file__).parents[2] / "fixtures" / "batch_scraper" / "violating"
FILES = ("analyses", "files", "forms", "modules", "quiet", "trees")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    # A run on the fixture itself may have left its cache there.
    shutil.copytree(PROJECT, root, ignore=shutil.ignore_patterns(CACHE_FOLDER))
    (root / "pyproject.toml").write_text(
        "[tool.session-lint]\nproviders = { 'scraper.nothing' = { commits = true } }\n"
    )
    return root


def lint(root: Path, *, cache: bool = True, **options: Any) -> Result:
    request = Request(paths=(root,), root=root, cache=cache, **options)
    return run(request, find_files(request))


def cached_files(root: Path) -> dict[str, Path]:
    return {path.name: path for path in (root / CACHE_FOLDER).glob("*/*")}


def cached(root: Path, kind: str) -> list[Path]:
    """The files that hold one kind of what is kept: of modules there are several."""
    return [path for name, path in cached_files(root).items() if name.partition("-")[0] == kind]


def kinds(root: Path) -> set[str]:
    return {name.partition("-")[0] for name in cached_files(root)}


def said(result: Result) -> tuple[object, ...]:
    """All that reports can say."""
    return result.findings, result.hidden, result.rules_run, result.rules_known, result.analysis.counts


def assert_same(root: Path) -> Result:
    """The same with the cache as it is, with the cache that this leaves, and without one."""
    fresh = lint(root, cache=False)
    results = [lint(root), lint(root)]
    for result in results:
        assert said(result) == said(fresh)
        assert result.analysis.remarks == fresh.analysis.remarks
        assert result.analysis.other_policy == fresh.analysis.other_policy
    return results[0]


def test_an_unchanged_tree_is_not_looked_into(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lint(project)
    assert first.findings
    assert not first.work["analysis from the cache"]
    monkeypatch.setattr(trees, "_GRAIN", -(10**12))  # as if it had been written long before
    second = lint(project)
    assert said(second) == said(first)
    assert second.work["analysis from the cache"]
    assert second.work["bytes read"] == 0
    assert "bytes parsed" not in second.work
    assert second.program.files_with_sessions == first.program.files_with_sessions
    assert second.work["analysis from the cache"]


def test_what_changed_alone_is_parsed(project: Path) -> None:
    first = lint(project)
    changed = project / "scraper" / "database.py"
    changed.write_text(changed.read_text() + "\n\nADDED = [print]\n")
    second = lint(project)
    assert not second.work["analysis from the cache"]
    assert second.work["bytes parsed"] == changed.stat().st_size
    assert 0 < second.work["bytes parsed by LibCST"] < second.work["bytes parsed"]
    assert second.work["files from the cache"] == len(first.files.discovery.known) - 1
    assert_same(project)


@pytest.mark.parametrize("comment", ["\n\n# What follows is left out.\n", "    \n", "# session: AsyncSession\n"])
def test_comments_alone_are_not_linked_again(project: Path, comment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lint(project)
    for path in sorted(project.rglob("*.py"))[:3]:
        path.write_text(path.read_text() + comment)
    monkeypatch.setattr("session_lint.judging.link_files", None)
    second = lint(project)
    assert second.work["analysis from the cache"]
    assert said(second) == said(first)
    assert lint(project).work["analysis from the cache"]
    monkeypatch.undo()
    assert_same(project)


def test_a_comment_that_suppresses_is_no_mere_comment(project: Path) -> None:
    finding = next(one for one in lint(project).findings if one.filename.endswith(".py"))
    path = project / finding.filename
    lines = path.read_text().split("\n")
    lines[finding.span.row - 1] += f"  # session-lint: ignore[{finding.code}] for good reasons"
    path.write_text("\n".join(lines))
    second = lint(project)
    assert finding not in second.findings
    assert_same(project)


def test_a_line_more_is_another_place(project: Path) -> None:
    finding = next(one for one in lint(project).findings if one.filename.endswith(".py"))
    path = project / finding.filename
    path.write_text("# A comment that moves all the rest.\n" + path.read_text())
    moved = [one for one in lint(project).findings if one.filename == finding.filename]
    assert moved[0].span.row == finding.span.row + 1
    assert assert_same(project).work["analysis from the cache"]


def test_new_times_alone_change_nothing(project: Path) -> None:
    lint(project)
    for path in project.rglob("*.py"):
        os.utime(path, (1, 1))
    assert lint(project).work["analysis from the cache"]


def test_a_change_that_keeps_size_and_time_is_seen(project: Path) -> None:
    changed = project / "scraper" / "database.py"
    before = changed.stat()
    lint(project)
    text = changed.read_text()
    changed.write_text(text.replace("session", "sEssion"))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed.stat().st_size == before.st_size
    assert not lint(project).work["analysis from the cache"]
    assert_same(project)


def test_selection_is_made_afterwards(project: Path) -> None:
    everything = lint(project, selection=Selection("", ["ALL"]), preview=True)
    for selection in (Selection(""), Selection("", ["SL3"]), Selection("", None, ["SL3"]), Selection("", ["SL902"])):
        result = lint(project, selection=selection)
        assert result.work["analysis from the cache"]
        assert said(result) == said(lint(project, cache=False, selection=selection))
    assert everything.findings
    (project / "pyproject.toml").write_text("[tool.session-lint]\nseverity = { SL3 = 'info' }\nignore = ['SL1']\n")
    lint(project)
    assert lint(project).work["analysis from the cache"]
    assert_same(project)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[tool.session-lint]\ntransaction-owner = 'provider'\n"),
        ("pyproject.toml", "[tool.session-lint]\nmodels = ['m.toml']\n"),
        ("m.toml", "name = 'm'\n[sessions]\n'other.Session' = false\n"),
        ("uv.lock", "[[package]]\nname = 'sqlalchemy'\nversion = '1.4.0'\n"),
        ("requirements.txt", "sqlalchemy==1.4.0\n"),
        ("scraper/new.py", ""),
        ("scraper/new.pyi", "def f(:\n"),
    ],
)
def test_everything_that_matters_is_part_of_the_key(project: Path, name: str, content: str) -> None:
    (project / "m.toml").write_text("name = 'm'\n")
    if name == "m.toml":
        (project / "pyproject.toml").write_text("[tool.session-lint]\nmodels = ['m.toml']\n")
    lint(project)
    assert lint(project).work["analysis from the cache"]
    (project / name).write_text(content)
    assert not lint(project).work["analysis from the cache"]
    assert_same(project)


def test_other_paths_share_the_analysis(project: Path) -> None:
    whole = lint(project)
    request = Request(paths=(project / "scraper" / "routers",), root=project, cache=True)
    part = run(request, find_files(request))
    assert part.work["analysis from the cache"]
    assert 0 < len(part.findings) < len(whole.findings)


def test_standard_input_leaves_no_trace(project: Path) -> None:
    lint(project)
    before = {name: path.read_bytes() for name, path in cached_files(project).items()}
    path = project / "scraper" / "database.py"
    request = Request(root=project, stdin=b"def f(:\n", stdin_filename=path, cache=True)
    result = run(request, find_files(request))
    assert [finding.code for finding in result.findings] == ["SL902"]
    assert {name: path.read_bytes() for name, path in cached_files(project).items()} == before


def mutate(root: Path, chance: random.Random) -> None:
    """Change something in a project, as people and tools do."""
    paths = sorted(root.rglob("*.py"))
    path = chance.choice(paths)
    lines = path.read_text().splitlines(keepends=True) or ["\n"]
    at = chance.randrange(len(lines))
    match chance.randrange(9):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines.insert(at, "# session-lint: ignore[SL302]\n")
        case 3:
            lines[at] = lines[at].replace("session", "db").replace("commit", "flush")
        case 4:
            lines[at] = lines[at].rstrip("\n") + "  # noqa: SL302, SL501\n"
        case 5:
            path.rename(path.with_name(f"moved_{chance.randrange(99)}.py"))
            return
        case 6:
            path.with_name(f"copy_{chance.randrange(99)}.py").write_text("".join(lines))
            return
        case 7:
            other = chance.choice(paths)
            lines[at:at] = other.read_text().splitlines(keepends=True)[:20]
        case _:
            os.utime(path)
            return
    path.write_text("".join(lines))


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_give_what_a_fresh_run_gives(project: Path, seed: int) -> None:
    chance = random.Random(seed)
    lint(project)
    for _ in range(6):
        for _ in range(chance.randrange(1, 4)):
            mutate(project, chance)
        assert_same(project)


def sealed(content: bytes) -> bytes:
    """A content with the right seal before it."""
    key = user_key()
    assert key is not None
    return b"SLC2" + seal(content, key) + content


HEAD = 4 + SEAL_BYTES


def with_other_values(content: bytes) -> bytes:
    """A mapping whose keys stay and whose values are of a wrong type, where it is a mapping."""
    try:
        keys = msgspec.msgpack.decode(content, type=dict[bytes, msgspec.Raw])
    except msgspec.DecodeError:
        return b"\x92\x01\x80"
    return msgspec.msgpack.encode(dict.fromkeys(keys, 1))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "a flipped byte": lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],
    "noise": lambda data: random.Random(1).randbytes(5000),
    "an older format": lambda data: b"SLC0" + data[4:],
    "a pickle": lambda data: (
        b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
    ),
    "sealed noise": lambda data: sealed(random.Random(2).randbytes(5000)),
    "sealed, truncated": lambda data: sealed(data[HEAD : len(data) // 2]),
    "sealed, nothing": lambda data: sealed(b""),
    "sealed, nil": lambda data: sealed(b"\xc0"),
    "sealed, deep": lambda data: sealed(b"\x91" * 100_000 + b"\xc0"),
    "sealed, huge": lambda data: sealed(b"\xdf\xff\xff\xff\xff"),
    "sealed, other values": lambda data: sealed(with_other_values(data[HEAD:])),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_content_is_dropped(project: Path, name: str, damage: str) -> None:
    expected = said(lint(project))
    for path in cached(project, name):
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    if name == "modules":
        cached_files(project)["analyses"].unlink()
    if name in ("quiet", "trees"):
        changed = project / "scraper" / "database.py"
        changed.write_text("\n" + changed.read_text() + "\nADDED = 1\n")
        expected = said(lint(project, cache=False))
    assert said(lint(project)) == expected
    assert said(lint(project)) == expected
    assert kinds(project) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_in_the_place_of_a_file(project: Path, name: str) -> None:
    expected = said(lint(project))
    for path in cached(project, name):
        path.unlink()
        path.mkdir()
    assert said(lint(project)) == expected


def test_a_cache_that_cannot_be_made_is_done_without(project: Path) -> None:
    (project / CACHE_FOLDER).write_text("")
    assert_same(project)


@pytest.mark.parametrize("step", ["open", "replace", "mkdir"])
def test_a_full_or_read_only_disk_is_done_without(project: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = said(lint(project, cache=False))

    original = getattr(Path, step)

    def fail(*arguments: Any, **options: Any) -> Any:
        if step == "open" and not {"x", "xb"} & set(arguments[1:]):
            return original(*arguments, **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, step, fail)
    assert said(lint(project)) == expected
    monkeypatch.undo()
    assert not [path for path in cached_files(project) if path.startswith("draft")]
    assert said(lint(project)) == expected


def test_runs_at_once_and_killed_runs_do_no_harm(project: Path) -> None:
    command = [sys.executable, "-m", "session_lint", "check", ".", "--output-format", "json", "--exit-zero"]
    env = {name: value for name, value in os.environ.items() if name != "SESSION_LINT_NO_CACHE"}
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    runs = [
        subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    try:
        runs[3].wait(timeout=1.5)
    except subprocess.TimeoutExpired:
        runs[3].kill()
    outputs = {run.communicate()[0] for run in (*runs[:3], runs[4])}
    runs[3].communicate()
    assert len(outputs) == 1
    assert_same(project)


def test_the_folder_marks_itself(project: Path) -> None:
    lint(project)
    folder = project / CACHE_FOLDER
    assert (folder / ".gitignore").read_text() == "*\n"
    assert (folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n")


def test_a_folder_of_ones_own(project: Path, tmp_path: Path) -> None:
    first = lint(project, cache_dir=tmp_path / "elsewhere" / "cache")
    assert not (project / CACHE_FOLDER).exists()
    second = lint(project, cache_dir=tmp_path / "elsewhere" / "cache")
    assert second.work["analysis from the cache"]
    assert said(second) == said(first)


def test_a_link_in_the_place_of_the_folder_is_not_followed(project: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (project / CACHE_FOLDER).symlink_to(tmp_path / "target")
    assert_same(project)
    assert not list((tmp_path / "target").iterdir())


def forged(root: Path) -> None:
    """Turn the cache of a project into what somebody who does not know the user's key could have made of it."""
    for path in cached_files(root).values():
        content = path.read_bytes()[HEAD:]
        if path.name == "analyses":
            analyses = msgspec.msgpack.decode(content, type=dict[bytes, msgspec.Raw])
            for name, raw in analyses.items():
                clean_bill = {**msgspec.msgpack.decode(raw), "findings": ()}
                analyses[name] = msgspec.Raw(msgspec.msgpack.encode(clean_bill))
            content = msgspec.msgpack.encode(analyses)
        path.write_bytes(b"SLC2" + seal(content, b"") + content)


def test_a_cache_that_came_with_the_code_is_not_believed(project: Path) -> None:
    expected = said(lint(project))
    forged(project)
    assert said(lint(project)) == expected
    assert said(lint(project)) == expected


def test_a_forged_cache_would_work_with_the_key(project: Path, tmp_path: Path) -> None:
    """That is why a cache beside the code is sealed; a folder that the user names is not."""
    folder = tmp_path / "cache"
    assert lint(project, cache_dir=folder).findings
    shutil.copytree(folder, project / CACHE_FOLDER)
    forged(project)
    shutil.rmtree(folder)
    shutil.move(project / CACHE_FOLDER, folder)
    result = lint(project, cache_dir=folder)
    assert result.work["analysis from the cache"]
    assert not [finding for finding in result.findings if not finding.code.startswith("SL9")]


def test_without_a_place_for_the_key_there_is_no_cache(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert user_key() is None
    assert_same(project)
    assert not (project / CACHE_FOLDER).exists()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_none(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "session-lint").mkdir()
    (tmp_path / "session-lint" / "key").write_bytes(content)
    assert user_key() is None


def test_the_key_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    key = user_key()
    assert key is not None
    assert user_key() == key
    assert len(key) == 32
    if os.name == "posix":
        assert (tmp_path / "session-lint" / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_somebody_elses_key_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_key() is not None
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    os.chown(tmp_path / "session-lint" / "key", 54321, -1)
    assert user_key() is None


def test_clean(project: Path) -> None:
    folder = project / CACHE_FOLDER
    assert not clean(folder)
    lint(project)
    assert clean(folder)
    assert not folder.exists()
    assert (project / "scraper").is_dir()
    with pytest.raises(UserError, match="no cache folder"):
        clean(project / "scraper")
    folder.symlink_to(project / "scraper")
    with pytest.raises(UserError, match="no cache folder"):
        clean(folder)


def test_old_releases_are_forgotten(tmp_path: Path) -> None:
    for number in range(6):
        assert open_store(tmp_path / "cache", f"release{number}").write("a", b"content")
        os.utime(tmp_path / "cache" / f"release{number}", (number, number))
    assert len([path for path in (tmp_path / "cache").iterdir() if path.is_dir()]) <= stores.KEPT_RELEASES


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path / "cache", "release")
    assert store.write("a", b"content")
    monkeypatch.setattr(stores, "MAX_BYTES", 10)
    assert not store.write("b", b"content")
    assert store.read("a") is None


def test_no_store_keeps_nothing() -> None:
    assert not Store(None).write("a", b"content")
    assert Store(None).read("a") is None


WARM = """
import sys
from session_lint.cli import main
try:
    main(sys.argv[1:])
finally:
    click = {"subprocess"} if sys.version_info < (3, 11) else set()  # which imports it there through uuid and platform
    heavy = ("libcst", "rich", "session_lint.program", "session_lint.lowering", "session_lint.judging",
             "session_lint.checks", "session_lint.loading", "session_lint.baseline", "subprocess", "multiprocessing",
             "concurrent", "asyncio", "logging", "pathspec", "dataclasses", "difflib", "traceback", "shutil")
    loaded = [name for name in sys.modules if name.startswith(heavy) and name not in click]
    own = [name for name in sys.modules if name.startswith("session_lint.")]
    loaded += own if len(own) > 48 else []
    rules = [name for name in sys.modules if name.startswith("session_lint.rules.sl") and ".sl9" not in name]
    print(loaded, rules, file=sys.stderr)
"""


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "sarif"])  # which has the rules' documentation
def test_a_warm_run_imports_nothing_heavy(project: Path, form: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "SESSION_LINT_NO_CACHE"}
    env["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", WARM, "check", ".", "--output-format", form]
    runs = [subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False) for _ in (1, 2)]
    assert runs[0].returncode == runs[1].returncode == 1
    assert runs[0].stdout == runs[1].stdout
    assert "libcst" in runs[0].stderr
    assert runs[1].stderr == "[] []\n"
