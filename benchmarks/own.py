"""session-lint itself, in the situations that it runs in."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measuring import measure
from benchmarks.rounds import Subject
from benchmarks.trees import Tree, edit, edited_files, renew_times

BARE = "python -c pass"
LIBCST = "python -c 'import libcst'"
COLD = "session-lint, first run"
WARM = "session-lint, nothing changed"
CHECKOUT = "session-lint, all times new"
EDITED = "session-lint, one file edited outside of session code"
SESSION_EDITED = "session-lint, one file edited in session code"
COMMENTED = "session-lint, a comment edited"
HOOK = "session-lint, hook with five edited files"

_SETTLED = 2.1
"""Seconds after which a change is as old as the cache wants it to be before it trusts a file's times."""


def baselines(cwd: Path) -> list[Subject]:
    """What a Python program takes that does nothing, and what one takes that can parse."""
    return [
        Subject(BARE, (sys.executable, "-c", "pass"), cwd),
        Subject(LIBCST, (sys.executable, "-c", "import libcst"), cwd),
    ]


def command(tree: Tree, cache: Path | None, *options: str, paths: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words of a run on a tree, or on files in it."""
    kept = ["--no-cache"] if cache is None else ["--cache-dir", str(cache)]
    shown = ["--isolated", "--output-format", "concise", "--exit-zero"]
    targets = [str(tree.root / path) for path in paths] or [str(tree.root)]
    return (sys.executable, "-m", "session_lint", "check", "--root", str(tree.root), *shown, *kept, *options, *targets)


def subjects(tree: Tree, cache: Path, *, hook: bool = True) -> list[Subject]:
    """The situations, in an order in which each leaves the cache as the next one needs it."""
    cwd = tree.root.parent
    five = edited_files(tree, 5)
    one = five[len(five) // 2]
    whole = command(tree, cache)

    def forget(_: int) -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def settle(_: int) -> None:
        time.sleep(_SETTLED)
        subprocess.run(whole, cwd=cwd, check=True, capture_output=True)

    def check_out(number: int) -> None:
        renew_times(tree, number)

    def edit_one(number: int) -> None:
        settle(number)
        edit(tree.root / one, _function(number))

    def edit_session_code(number: int) -> None:
        settle(number)
        edit(tree.root / one, f"\ndef session_edited_in_round_{number}(session):\n    session.commit()")

    def comment_on_one(number: int) -> None:
        settle(number)
        edit(tree.root / one, f"# edited in round {number}")

    def edit_five(number: int) -> None:
        settle(number)
        for path in five:
            edit(tree.root / path, _function(number, "for_the_hook"))

    found = [
        Subject(COLD, whole, cwd, forget),
        Subject(WARM, whole, cwd, settle),
        Subject(CHECKOUT, whole, cwd, check_out),
        Subject(EDITED, whole, cwd, edit_one),
        Subject(SESSION_EDITED, whole, cwd, edit_session_code),
        Subject(COMMENTED, whole, cwd, comment_on_one),
    ]
    if hook:
        found.append(Subject(HOOK, command(tree, cache, paths=five), cwd, edit_five))
    return found


def _function(number: int, what: str = "alone") -> str:
    return f"\ndef edited_{what}_in_round_{number}(values):\n    return sorted(values)[:{number + 1}]"


def warm_up(folder: Path) -> None:
    """Let Python compile session-lint and LibCST once, unmeasured."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text("import sqlalchemy\n", "utf-8")
    tree = Tree("tiny", folder.resolve(), ("tiny.py",), 18)
    measure(command(tree, None), cwd=folder, seconds=60)
