"""Whatever lies in a tree: each file is checked or told about, and the rest of the run goes on."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from projects import lay_out

from session_lint import check as lint
from session_lint.errors import UserError

FAULTY = "from sqlalchemy.orm import Session\n\n\ndef work(db: Session):\n    db.commit()\n"
"""Has one finding, SL302 in row 5."""


def check(root: Path, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "session_lint", "check", "--no-cache", *(arguments or (".",))],
        cwd=root,
        env=env,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )


def findings(root: Path, *arguments: str) -> dict[str, tuple[str, int, str]]:
    """The one finding of each file that has one: code, row, message."""
    ran = check(root, *(arguments or (".",)), "--output-format", "json")
    assert ran.stderr == ""
    found: dict[str, tuple[str, int, str]] = {}
    for finding in json.loads(ran.stdout):
        assert finding["filename"] not in found
        found[finding["filename"]] = (finding["code"], finding["location"]["row"], finding["message"])
    assert ran.returncode == (1 if found else 0)
    return found


READABLE: Mapping[str, bytes] = {
    "empty": b"",
    "byte order mark": b"\xef\xbb\xbf" + FAULTY.encode(),
    "latin-1": b"# coding: latin-1\nx = '\xe4'\n" + FAULTY.encode(),
    "gb18030": b"# coding: gb18030\n" + "x = '中'\n".encode("gb18030") + FAULTY.encode(),
    "shift_jis, whose characters hold backslashes": "# coding: shift_jis\nx = 'ソ'\n".encode("shift_jis")
    + FAULTY.encode(),
    "crlf": FAULTY.replace("\n", "\r\n").encode(),
    "cr": FAULTY.replace("\n", "\r").encode(),
    "mixed newlines": FAULTY.replace("\n", "\r\n", 2).encode(),
    "form feeds": FAULTY.replace("def", "\x0cdef").replace("    db", "\x0c    db").encode(),
    "tabs": FAULTY.replace("    ", "\t").encode(),
    "no newline at the end": FAULTY.rstrip().encode(),
    "a lone surrogate's escape": b"x = '\\ud800'\n" + FAULTY.encode(),
    "bidi characters": "x = '\u202e\u2066'\n".encode() + FAULTY.encode(),
    "warnings of the compiler": b"x = '\\d'\n1 is 1\nx = 1if 1else 2\n" + FAULTY.encode(),
    "a number too long to print": b"x = " + b"9" * 4000 + b"\ny = 0x" + b"f" * 100_000 + b"\n" + FAULTY.encode(),
    "constants that nobody should compute": b"x = 10 ** 10 ** 10\ny = 1e999999\nz = 'a' * 10 ** 12\n" + FAULTY.encode(),
    "50,000 lines": FAULTY.encode() + b"def f(x):\n    y = x.g(1)\n    return y\n\n\n" * 10_000,
}


def test_unusual_files_are_checked(tmp_path: Path) -> None:
    names = {f"a{number}.py": content for number, content in enumerate(READABLE.values())}
    found = findings(lay_out(tmp_path, {**names, "good.py": FAULTY}))
    expected = {"good.py": ("SL302", 5)}
    for name, content in names.items():
        before = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").partition(b"db.commit")[0]
        if content:
            expected[name] = ("SL302", 1 + before.count(b"\n"))
    assert {path: finding[:2] for path, finding in found.items()} == expected


UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "latin-1, undeclared": (b"x = '\xe4'\n", "not valid utf-8: byte 0xe4"),
    "utf-16": ("x = 1\n".encode("utf-16"), "not valid utf-8: byte 0xff"),
    "utf-16 without a mark": ("x = 1\n".encode("utf-16-le"), "null bytes"),
    "utf-32": ("x = 1\n".encode("utf-32"), "not valid utf-8"),
    "a NUL": (b"x = 1\n# \0\n", "null bytes"),
    "an unknown encoding": (b"# coding: nonsense\n", "coding comment is not usable"),
    "an encoding of bytes": (b"# coding: hex\n", "names no text encoding"),
    "an encoding that compresses": (b"# coding: zlib\n", "names no text encoding"),
    "tabs against blanks": (b"if x:\n\ty = 1\n        z = 2\n", "inconsistent use of tabs"),
    "Python 2": (b'print "hello"\n', "Missing parentheses in call to 'print'"),
    "Python 2's raise": (b'raise ValueError, "x"\n', "invalid syntax"),
    "a template": (b"from {{ name }} import x\n{% if y %}\nz = 1\n{% endif %}\n", "invalid syntax"),
    "an end of file in a string": (b"x = '''\n", "unterminated triple-quoted string"),
    "5,000 brackets": (b"(" * 5000 + b")" * 5000, "nested too deeply"),
    "5,000 calls": (b"f(" * 5000 + b")" * 5000, "nested too deeply"),
    "5,000 attributes": (b"x" + b".a" * 5000, "nested too deeply"),
    "1,000 blocks": (b"".join(b" " * i + b"if x:\n" for i in range(1000)) + b" " * 1000 + b"x\n", "too many levels"),
    "more than max-file-size": (b"#" * 1_000_001, "it has 1,000,001 bytes, more than max-file-size (1,000,000)"),
}


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    names = {f"a{number}.py": case for number, case in enumerate(UNREADABLE.values())}
    found = findings(lay_out(tmp_path, {**{name: content for name, (content, _) in names.items()}, "good.py": FAULTY}))
    assert found.pop("good.py")[:2] == ("SL302", 5)
    assert found.keys() == names.keys()
    for name, (_, message) in names.items():
        assert found[name][0] == "SL902"
        assert message in found[name][2]


@pytest.mark.parametrize(
    "line", [b"#" + b"a" * 10_000_000, b"x = '" + b"a" * 10_000_000 + b"'", b"a" * 10_000_000, b"()" * 5_000_000]
)
def test_a_line_of_ten_megabytes(line: bytes, tmp_path: Path) -> None:
    settings = "[tool.session-lint]\nmax-file-size = 20_000_000\nmax-file-seconds = 20\n"
    lay_out(tmp_path, {"a.py": line + b"\n", "b.py": FAULTY, "pyproject.toml": settings})
    found = findings(tmp_path)
    assert found["b.py"][0] == "SL302"
    assert found.get("a.py", ("SL902",))[0] == "SL902"


SYNTAX: Mapping[str, str] = {
    "3.8: walrus": "if (x := f()): pass\ndef g(a, /, b, *, c): pass\nprint(f'{x=}')\n",
    "3.9: decorators": "@a[0].b(c)\ndef f(): pass\nd = a | b\n",
    "3.10: match": "match x:\n    case {'a': [1, *_], **r} if r: pass\n    case A(b=1) | None: pass\n",
    "3.10: with in brackets": "with (a as b, c as d,):\n    pass\n",
    "3.11: except*": "try:\n    pass\nexcept* A as e:\n    pass\n",
    "3.11: starred index": "def f(*args: *Ts): ...\nx[*a, 1]\n",
    "3.12: type parameters": "def f[T: int, *Ts, **P](x: T) -> T: ...\nclass A[T]: ...\ntype X[T] = list[T]\n",
    "3.12: f-strings": "x = f'{f'{a['b']}'}'\ny = f'''{\n  # c\n  a\n}'''\n",
    "3.13: defaults of type parameters": "type X[T = int] = list[T]\n",
    "3.14: except without brackets": "try:\n    pass\nexcept A, B:\n    pass\n",
    "3.14: t-strings": "x = t'a{b}'\n",
}


def test_syntax_of_every_version_is_read(tmp_path: Path) -> None:
    """By this Python or, where it is newer, by LibCST alone."""
    names = {f"a{number}.py": text for number, text in enumerate(SYNTAX.values())}
    found = findings(lay_out(tmp_path, {name: text + FAULTY for name, text in names.items()}))
    expected = {name: ("SL302", text.count("\n") + 5) for name, text in names.items()}
    assert {path: finding[:2] for path, finding in found.items()} == expected


def test_stubs_are_read_and_notebooks_are_said_to_be_skipped(tmp_path: Path) -> None:
    cells = '{"cells": []}'
    lay_out(tmp_path, {"a.pyi": "def f(:\n", "b.ipynb": cells, "c.ipynb": cells, "deep/d.ipynb": cells, "e.py": ""})
    ran = check(tmp_path)
    assert "a.pyi:1:7\n" in ran.stdout
    assert "not read: 3 notebooks\n" in ran.stdout
    only = check(tmp_path, "b.ipynb")
    assert only.returncode == 2
    assert "(notebooks are not read)" in only.stderr
    assert "not read: 1 notebook\n" in check(tmp_path, "deep", "e.py").stdout


NAMES = (
    "new\nline", "quo'te", 'quo"te', "esc\x1b[31m", "bell\x07", "bidi\u202ename", "::error file=x::boo", "##[error]x", "sp ace",
    "<b>html", "[red]rich[/red]", "-dash", "%41", "a#b", "back\\slash", "`x`|y", "\u2028separator", "é", "e\u0301", "x" * 200,
)  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
@pytest.mark.parametrize("form", ["full", "concise", "grouped", "github"])
def test_names_do_not_steer_the_terminal(form: str, tmp_path: Path) -> None:
    lay_out(tmp_path, {f"{name}.py": FAULTY for name in NAMES})
    (tmp_path / os.fsdecode(b"not\xff\xfetext.py")).write_text(FAULTY)
    ran = check(tmp_path, ".", "--output-format", form, "--color", "never")
    assert ran.returncode == 1
    assert ran.stderr == ""
    text = ran.stdout.replace("\n", "")
    assert text.isprintable(), [char for char in text if not char.isprintable()]
    if form != "github":  # whose lines are commands, and tested as such
        assert not [line for line in ran.stdout.splitlines() if line.startswith(("::", "##[", "##vso["))]
        assert f"Found {len(NAMES) + 1} errors in {len(NAMES) + 1} files" in ran.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_is_no_file_is_neither_read_nor_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path, {"good.py": FAULTY, "folder.py/inner.py": FAULTY})
    os.mkfifo(tmp_path / "fifo.py")
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    bound = socket.socket(socket.AF_UNIX)
    bound.bind("socket.py")
    bound.close()
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "here").symlink_to(".")
    (tmp_path / "broken.py").symlink_to("gone.py")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert sorted(findings(tmp_path)) == ["folder.py/inner.py", "good.py"]
    assert "; not read: 2 special files\n" in check(tmp_path).stdout
    for name in (
        "fifo.py",
        "socket.py",
        "loop.py",
        "broken.py",
        "one",
        "one/x.py",
        "x" * 5000,
        "x/" * 5000,
        "/dev/zero",
    ):
        ran = check(tmp_path, name, timeout=30)
        assert ran.returncode == 2
        assert "internal error" not in ran.stderr
        assert ran.stderr.startswith("session-lint: ")
        assert len(ran.stderr) < 500


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions there")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path, {"good.py": FAULTY, "shut.py": FAULTY, "folder/inner.py": FAULTY})
    (tmp_path / "shut.py").chmod(0)
    (tmp_path / "folder").chmod(0)
    try:
        if os.access(tmp_path / "shut.py", os.R_OK):
            pytest.skip("this user may read everything")
        found = findings(tmp_path)
    finally:
        (tmp_path / "folder").chmod(0o700)
    assert found["good.py"][0] == "SL302"
    assert "Permission denied" in found["shut.py"][2]
    assert "the folder cannot be listed (Permission denied)" in found["folder"][2]


def test_paths_longer_than_the_system_takes(tmp_path: Path) -> None:
    """Folders can be nested deeper than a path can say; what lies there is told or read, and the rest goes on."""
    lay_out(tmp_path, {"good.py": FAULTY})
    home = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(25):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
        Path("deep.py").write_text(FAULTY)
    except OSError:
        pytest.skip("no such paths here")
    finally:
        os.chdir(home)
    ran = check(tmp_path, ".", "--output-format", "concise")
    assert ran.returncode == 1
    assert "good.py:5:" in ran.stdout
    assert "cannot be checked: the folder cannot be listed (File name too long)" in ran.stdout


FOREIGN_FILES = (
    ".gitignore",
    "pyproject.toml",
    "session-lint.toml",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "requirements.txt",
)


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize("name", FOREIGN_FILES)
def test_settings_and_lock_files_are_not_waited_for(name: str, tmp_path: Path) -> None:
    root = lay_out(tmp_path / "root", {"good.py": FAULTY})
    os.mkfifo(root / name)
    assert [finding.filename for finding in lint([root], root=root).findings] == ["good.py"]
    (root / name).unlink()
    (root / name).symlink_to("/dev/zero")
    assert [finding.filename for finding in lint([root], root=root).findings] == ["good.py"]


@pytest.mark.parametrize("name", FOREIGN_FILES)
@pytest.mark.parametrize("content", [b"[" * 100_000, b"a = " + b"9" * 10_000, b"\xff\xfe\0", b"a = " + b"[" * 100_000])
def test_hostile_settings_end_in_a_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    lay_out(tmp_path, {"good.py": FAULTY, name: content})
    if name in {"pyproject.toml", "session-lint.toml"}:
        with pytest.raises(UserError, match=f"{name} (is not valid TOML|cannot be read): "):
            lint([tmp_path], root=tmp_path)
    else:
        assert [finding.code for finding in lint([tmp_path], root=tmp_path).findings] == ["SL302"]


def test_a_method_without_self_is_no_harm(tmp_path: Path) -> None:
    text = FAULTY + "\n\nclass Odd:\n    def work():\n        session = Session()\n        super().work(session)\n"
    assert findings(lay_out(tmp_path, {"a.py": text}), ".", "--ignore", "SL1,SL2")["a.py"][:2] == ("SL302", 5)
