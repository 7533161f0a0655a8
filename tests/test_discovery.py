"""Discovery: which files are known, which are reported on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from projects import lay_out

from session_lint.discovery import discover
from session_lint.errors import UserError
from session_lint.settings import DEFAULT_EXCLUDE


def known(root: Path, *exclude: str) -> list[str]:
    return list(discover(root, [root], [*DEFAULT_EXCLUDE, *exclude]).known)


def test_python_files_outside_default_excludes(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            "a.py": "",
            "b.pyi": "",
            "c.txt": "",
            "pkg/d.py": "",
            ".venv/lib/x.py": "",
            "pkg/node_modules/x.py": "",
            "myenv/pyvenv.cfg": "",
            "myenv/lib/x.py": "",
            "build/x.py": "",
            "pkg/build.py": "",
        },
    )
    assert known(tmp_path) == ["a.py", "b.pyi", "pkg/build.py", "pkg/d.py"]
    assert known(tmp_path, "pkg/d.*", "/a.py") == ["b.pyi", "pkg/build.py"]


def test_ignore_files_mean_what_git_says(tmp_path: Path) -> None:
    files = {
        ".gitignore": "gen/\n*_pb2.py\n/top.py\n!keep_pb2.py\nsecret.py\n# comment\n\\#odd.py\ndeep/**/x.py\n",
        ".git/info/exclude": "local.py\n",
        "gen/x.py": "",
        "a_pb2.py": "",
        "keep_pb2.py": "",
        "top.py": "",
        "local.py": "",
        "#odd.py": "",
        "src/top.py": "",
        "src/.gitignore": "!secret.py\nown.py\n",
        "src/secret.py": "",
        "src/own.py": "",
        "own.py": "",
        "secret.py": "",
        "deep/a/b/x.py": "",
        "deep/a/y.py": "",
    }
    lay_out(tmp_path, {name: text for name, text in files.items() if not name.startswith(".git/")})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    lay_out(tmp_path, {".git/info/exclude": files[".git/info/exclude"]})
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "-z", "--others", "--exclude-standard", "*.py"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert known(tmp_path) == sorted(listed.rstrip("\0").split("\0"))


def test_ignore_files_above_the_root_count_up_to_the_repository(tmp_path: Path) -> None:
    lay_out(
        tmp_path,
        {
            ".gitignore": "*.py",
            "repo/.git/HEAD": "",
            "repo/.gitignore": "/app/gen.py\n",
            "repo/app/gen.py": "",
            "repo/app/x.py": "",
        },
    )
    assert known(tmp_path / "repo/app") == ["x.py"]


def test_paths_filter_what_is_reported_only(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"a.py": "", "pkg/b.py": "", "pkg/sub/c.py": "", "pkgs/d.py": ""})
    found = discover(root, [root / "pkg", root / "pkg/b.py"], [])
    assert found.known == ("a.py", "pkg/b.py", "pkg/sub/c.py", "pkgs/d.py")
    assert found.reported == ("pkg/b.py", "pkg/sub/c.py")


def test_named_files_are_taken_whatever_excludes_them_or_their_suffix(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {".gitignore": "gen/", "tool": "", "gen/x.py": "", "old/y.py": "", "old/in/z.py": ""})
    paths = [root / "tool", root / "gen/x.py", root / "old"]
    assert discover(root, paths, ["old"]).reported == ("gen/x.py", "old/in/z.py", "old/y.py", "tool")
    forced = discover(root, paths, ["old"], force_exclude=True)
    assert forced.reported == ("tool",)
    assert forced.excluded == ("gen/x.py", "old")


def test_symbolic_links_are_not_followed_but_may_be_named(tmp_path: Path) -> None:
    root = lay_out(tmp_path, {"a/x.py": ""})
    try:
        (root / "a/loop").symlink_to(root, target_is_directory=True)
        (root / "y.py").symlink_to(root / "a/x.py")
    except OSError:
        pytest.skip("no symbolic links here")
    assert known(root) == ["a/x.py"]
    assert discover(root, [root / "y.py"], []).reported == ("y.py",)


@pytest.mark.parametrize(("path", "sentence"), [("gone", "does not exist"), ("..", "lies outside the project root")])
def test_a_path_that_cannot_be_taken_is_named(tmp_path: Path, path: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        discover(tmp_path, [(tmp_path / path).resolve()], [])


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lay_out(tmp_path, {"a.py": "", "shut/b.py": ""})
    scandir = sys.modules["os"].scandir

    def refuse(path: str) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    found = discover(root, [root], [])
    assert found.known == ("a.py",)
    assert found.unreadable == (("shut", "Permission denied"),)
