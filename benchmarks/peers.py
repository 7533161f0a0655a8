"""The other programs: which versions, how they are called, and where they are found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.rounds import Subject
from benchmarks.trees import Tree

ONE_RULE = Path(__file__).with_name("one_rule.yml")


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that one could run in session-lint's place, or beside it.

    Args:
        name: what it is called in tables.
        requirements: what `setup` installs, pinned; an environment for each, since plug-ins change what they are plugged into.
        program: its command.
        arguments: its words before the paths.
        slow: it takes so long that it runs once, and on the smallest tree alone.
        python: the command of the Python that it needs, where it does not run on each.
    """

    name: str
    requirements: tuple[str, ...]
    program: str
    arguments: tuple[str, ...]
    slow: bool = False
    python: str | None = None


FLAKE8 = Peer("flake8", ("flake8==7.5.0",), "flake8", ("--isolated",))
RUFF = Peer(
    "ruff --no-cache --select F",
    ("ruff==0.17.6",),
    "ruff",
    ("check", "--isolated", "--quiet", "--output-format", "concise", "--select", "F", "--no-cache"),
)
SEMGREP = Peer(
    "semgrep, one rule",
    ("semgrep==1.182.0",),
    "semgrep",
    ("scan", "--quiet", "--metrics=off", "--disable-version-check", "--no-git-ignore", "--config", str(ONE_RULE)),
)
FIXIT = Peer("Fixit", ("fixit==2.2.1",), "fixit", ("lint",), slow=True)
PEERS = (
    RUFF,
    FLAKE8,
    Peer("bandit", ("bandit==1.9.4",), "bandit", ("--quiet", "--recursive")),
    SEMGREP,
    Peer("sqla-lint", ("sqla-lint==0.1.0",), "sqla-lint", (), python="python3.13"),
    Peer(
        "pylint, one check",
        ("pylint==4.1.4",),
        "pylint",
        ("--rcfile=/dev/null", "--jobs=0", "--recursive=y", "--disable=all", "--enable=unused-import"),
        slow=True,
    ),
    FIXIT,
    Peer(
        "flake8 with flake8-async",
        ("flake8==7.5.0", "flake8-async==26.8.1"),
        "flake8",
        ("--isolated",),
        slow=True,
    ),
)
_PLUGGED = frozenset(peer for peer in PEERS if len(peer.requirements) > 1)
_PYLINT_CODES = tuple(range(32))  # a sum of what kinds of messages there are


def _environment(peer: Peer, home: Path) -> Path:
    return home / "environments" / "-".join(peer.requirements).replace("==", "-")


def setup(home: Path, tell: Callable[[str], None], wanted: Iterable[Peer] = PEERS) -> None:
    """Install peers, each in an environment of its own, where that was not done before."""
    for peer in wanted:
        folder = _environment(peer, home)
        if (folder / "bin" / peer.program).exists():
            continue
        python = sys.executable if peer.python is None else _working(peer.python)
        if python is None:
            tell(f"{peer.name} is left out: it needs {peer.python}")
            continue
        tell(f"installing {' '.join(peer.requirements)}")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *peer.requirements]
        if subprocess.run(pip, check=False).returncode != 0:
            tell(f"{peer.name} is left out: it cannot be installed")
            shutil.rmtree(folder, ignore_errors=True)


def _working(command: str) -> str | None:
    """A Python's path, where it is more than a name on the path: the stand-ins of pyenv need not stand for anything."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for found in (shutil.which(command), *sorted(map(str, pyenv.glob(f"versions/*/bin/{command}")))):
        if found and subprocess.run([found, "-c", "pass"], check=False, capture_output=True).returncode == 0:
            return found
    return None


def find(peer: Peer, home: Path) -> Path | None:
    """A peer's program: the one that `setup` installed, else one beside the running Python, else on the path."""
    own = _environment(peer, home) / "bin" / peer.program
    if own.exists():
        return own
    if peer in _PLUGGED:  # whether another's environment has the plug-in is not to be seen
        return None
    beside = Path(sys.executable).with_name(peer.program)
    if beside.exists():
        return beside
    on_path = shutil.which(peer.program)
    return None if on_path is None else Path(on_path)


@cache
def version(peer: Peer, program: Path) -> str:
    """The peer's name and version, as it says it itself."""
    # Semgrep asks the network for a newer version, and where there is none waits for minutes.
    env = {**os.environ, "SEMGREP_ENABLE_VERSION_CHECK": "0"}
    ran = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, env=env)
    said = re.search(r"\d+(\.\d+)+", ran.stdout)
    number = said[0] if said is not None else peer.requirements[0].partition("==")[2]
    plug_ins = "".join(f" with {name.replace('==', ' ')}" for name in peer.requirements[1:])
    return f"{peer.program} {number}{plug_ins}"


def subject(peer: Peer, program: Path, tree: Tree, *, paths: tuple[str, ...] = (), name: str | None = None) -> Subject:
    """The peer on a whole tree, or on files in it."""
    targets = [str(tree.root / path) for path in paths] or [str(tree.root)]
    return Subject(
        name or peer.name,
        (str(program), *peer.arguments, *targets),
        tree.root.parent,
        accepted=_PYLINT_CODES if peer.program == "pylint" else (0, 1),
        rounds=1 if peer.slow else None,
    )
