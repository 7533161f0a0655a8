"""Code that others wrote, as it is released: that a run on it never fails, and what it finds there.

The distributions are those of ``ecosystem.txt``, pinned by version and content. They are downloaded as wheels, so that nothing of
them is run, not even to be built. What is found in each is kept in ``ecosystem.json``, where a change of it shows in review.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import CommandFailedError, Measurement, measure
from benchmarks.tables import megabytes, seconds, table

PINS = Path(__file__).with_name("ecosystem.txt")
SNAPSHOT = Path(__file__).with_name("ecosystem.json")
PATIENCE = 600
_EVERYTHING = ("--isolated", "--select", "ALL", "--preview", "--no-cache", "--exclude", "/nothing", "--exit-zero")
_PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one tree.

    Args:
        name: its name, with the version.
        files: how many Python files it has.
        lines: how many lines these have.
        failure: why the run failed, where it did.
        unread: files that could not be parsed, and why.
        findings: how many of each rule.
        cost: what the run took.
    """

    name: str
    files: int
    lines: int
    failure: str
    unread: dict[str, str]
    findings: dict[str, int]
    cost: Measurement | None


_INSTALLED = {"standard library": "stdlib", "site-packages": "purelib"}


def ecosystem(
    home: Path, only: Sequence[str], tell: Callable[[str], None], *, installed: bool = False
) -> list[Outcome]:
    """Run over all pinned distributions.

    Args:
        home: where downloads and unpacked trees are kept.
        only: names, where not all are wanted.
        tell: is told of progress.
        installed: run over this Python's standard library and site-packages too, which differ from machine to machine.
    """
    names = [f"{name}-{version}" for name, version in _PINNED.findall(PINS.read_text("utf-8"))]
    wheels = _download(home / "wheels", tell)
    trees = {name: _unpacked(wheels[_normal(name)], home / "ecosystem" / name) for name in names if _wanted(name, only)}
    if installed:
        for name, kind in _INSTALLED.items():
            trees[name] = _copied(Path(sysconfig.get_path(kind)), home / "installed" / kind)
    outcomes = []
    for name, folder in trees.items():
        tell(name)
        outcomes.append(look_at(name, folder))
    return outcomes


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or name.rpartition("-")[0].lower() in {one.lower() for one in only}


def _download(folder: Path, tell: Callable[[str], None]) -> dict[str, Path]:
    """The wheels by name and version."""
    folder.mkdir(parents=True, exist_ok=True)
    tell("downloading")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    subprocess.run([*pip, "--find-links", str(folder), "--dest", str(folder), "--requirement", str(PINS)], check=True)
    return {_normal("-".join(wheel.name.split("-")[:2])): wheel for wheel in sorted(folder.glob("*.whl"))}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _unpacked(wheel: Path, folder: Path) -> Path:
    """The Python files of a wheel, in a folder."""
    if not folder.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.endswith((".py", ".pyi"))])
    return folder


def _copied(source: Path, folder: Path) -> Path:
    """The Python files below a folder, where no ignore file of a repository around them leaves them out."""
    shutil.rmtree(folder, ignore_errors=True)
    for path in source.rglob("*.py"):
        inner = path.relative_to(source)
        if path.is_file() and "site-packages" not in inner.parts:
            (folder / inner).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / inner)
    return folder


def look_at(name: str, folder: Path) -> Outcome:
    """Run over one tree."""
    files = [path for path in folder.rglob("*.py*") if path.suffix in {".py", ".pyi"} and path.is_file()]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.json")
        output = ("--output-format", "json", "--output-file", str(report))
        command = [
            sys.executable,
            "-m",
            "session_lint",
            "check",
            str(folder),
            "--root",
            str(folder),
            *_EVERYTHING,
            *output,
        ]
        failure, cost, found = "", None, []
        try:
            cost = measure(command, cwd=Path(scratch), seconds=PATIENCE)
        except CommandFailedError as error:
            failure = str(error)
        else:
            failure = "" if cost else f"it took longer than {PATIENCE} s"
        if report.exists():
            found = json.loads(report.read_text("utf-8"))
    unread = {_place(one, folder): _reason(one) for one in found if one["code"] == "SL902"}
    codes = Counter(one["code"] for one in found if one["code"] != "SL902")
    return Outcome(name, len(files), lines, failure, unread, dict(sorted(codes.items())), cost)


def _place(finding: dict[str, Any], folder: Path) -> str:
    path = Path(finding["filename"])
    return (
        f"{(path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()}:{finding['location']['row']}"
    )


def _reason(finding: dict[str, Any]) -> str:
    return str(finding["message"]).partition(" cannot be checked: ")[2].partition("; nothing in it")[0]


def snapshot(outcomes: Sequence[Outcome]) -> str:
    """What is found in the pinned trees, as JSON with a line for each.

    Nothing in it differs between two runs of one version on one Python.
    """
    rows = {
        one.name: {
            "files": one.files,
            "failure": one.failure,
            "unread": one.unread,
            "findings": one.findings,
        }
        for one in outcomes
        if one.name not in _INSTALLED
    }
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row, sort_keys=True)}" for name, row in rows.items())
    return f'{{\n  "python": "{".".join(platform.python_version_tuple()[:2])}",\n{lines}\n}}\n'


def as_table(outcomes: Sequence[Outcome]) -> str:
    """A Markdown table of the runs, and one of the rules."""
    head = ("Tree", "files", "lines", "failed", "unread", "findings", "seconds", "peak, MB")
    rows = [
        (
            one.name,
            f"{one.files:,}",
            f"{one.lines:,}",
            "yes" if one.failure else "0",
            str(len(one.unread)),
            f"{sum(one.findings.values()):,}",
            seconds(one.cost.wall if one.cost else None),
            megabytes(one.cost.peak if one.cost else None),
        )
        for one in outcomes
    ]
    total = (
        "all",
        f"{sum(one.files for one in outcomes):,}",
        f"{sum(one.lines for one in outcomes):,}",
        str(sum(bool(one.failure) for one in outcomes)),
        str(sum(len(one.unread) for one in outcomes)),
        f"{sum(sum(one.findings.values()) for one in outcomes):,}",
        seconds(sum(one.cost.wall for one in outcomes if one.cost)),
        megabytes(max((one.cost.peak for one in outcomes if one.cost), default=None)),
    )
    rules: Counter[str] = Counter()
    for one in outcomes:
        rules.update(one.findings)
    unread = [f"- `{one.name}`: `{place}`: {why}\n" for one in outcomes for place, why in one.unread.items()]
    failures = [f"- `{one.name}` failed: {one.failure.strip()[-500:]}\n" for one in outcomes if one.failure]
    by_rule = table(("Rule", "findings"), [(code, f"{number:,}") for code, number in sorted(rules.items())])
    return "\n".join([table(head, [*rows, total]), *failures, *unread, by_rule])
