"""The harness measures what it says: its arithmetic, its copies of trees, and one run of it with a stand-in for flake8."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from projects import lay_out

from benchmarks import own, peers
from benchmarks.__main__ import main
from benchmarks.measuring import CommandFailedError, Measurement, measure
from benchmarks.rounds import Samples, Subject, take_turns
from benchmarks.scaling import fit, grow
from benchmarks.stages import read
from benchmarks.tables import replace_section
from benchmarks.targets import Target, compared
from benchmarks.trees import Tree, tree_at

PROJECT = {
    "app/__init__.py": "",
    "app/db.py": "from sqlalchemy.orm import Session\n\n\ndef save(session: Session) -> None:\n    session.commit()\n",
    "app/main.py": "from app.db import save\n",
}


@pytest.mark.parametrize("exponent", [0.5, 1, 2])
def test_a_power_law_is_found(exponent: float) -> None:
    sizes = [1.0, 2.0, 4.0, 8.0]
    found = fit(sizes, [3 * size**exponent for size in sizes])
    assert found is not None
    assert found.factor == pytest.approx(3)
    assert found.exponent == pytest.approx(exponent)


def test_one_size_has_no_exponent() -> None:
    assert fit([1.0, 1.0], [2.0, 3.0]) is None


def test_copies_link_within_themselves_and_share_no_content(tmp_path: Path) -> None:
    tree = tree_at(lay_out(tmp_path / "tree", PROJECT), "tree")
    grown = grow(tree, 3, tmp_path / "grown")
    assert len(grown.files) == 9
    contents = [(grown.root / path).read_bytes() for path in grown.files]
    assert len(set(contents)) == 9
    assert sum(map(len, contents)) == grown.size
    assert (grown.root / "app_2" / "main.py").read_text() == "from app_2.db import save\n\n# copy 2\n"


def test_a_command_is_measured_whole(tmp_path: Path) -> None:
    work = "sum(range(3_000_000))"
    taken = measure((sys.executable, "-c", work), cwd=tmp_path, seconds=60)
    nothing = measure((sys.executable, "-c", "pass"), cwd=tmp_path, seconds=60)
    assert taken is not None
    assert nothing is not None
    assert taken.cpu > nothing.cpu > 0
    assert taken.peak > 1_000_000
    assert measure((sys.executable, "-c", "import time; time.sleep(60)"), cwd=tmp_path, seconds=0.2) is None
    with pytest.raises(CommandFailedError, match="exit code 3"):
        measure((sys.executable, "-c", "raise SystemExit(3)"), cwd=tmp_path, seconds=60)


def test_ratios_are_those_of_the_same_round(tmp_path: Path) -> None:
    samples = Samples()
    for number, (mine, theirs) in enumerate([(1.0, 4.0), (2.0, 4.0), (9.0, 10.0)]):
        samples.add(own.COLD, number, Measurement(mine, mine, 1))
        samples.add(peers.FLAKE8.name, number, Measurement(theirs, theirs, 1))
    samples.add(own.COLD, 3, Measurement(100.0, 100.0, 1))
    assert samples.ratio(own.COLD, peers.FLAKE8.name, "wall") == 0.5
    assert samples.excess(own.COLD, peers.FLAKE8.name, "wall") == -2
    tree = Tree("tree", tmp_path, tuple(f"{number}.py" for number in range(700)), 1)
    rows = {row[0]: row[1:] for row in compared(tree, samples)}
    assert rows[str(Target(own.COLD, peers.FLAKE8.name, 0.3))] == ("0.50", "0.30", "**no**")
    assert next(compared(Tree("small", tmp_path, ("0.py",), 1), samples))[0] == f"{own.COLD}: peak memory"


def test_turns_end_with_the_budget(tmp_path: Path) -> None:
    told: list[str] = []
    subject = Subject("sleep", (sys.executable, "-c", "import time; time.sleep(30)"), tmp_path)
    samples = take_turns({"tree": [subject]}, 3, 0.5, told.append)
    assert samples["tree"].rounds("sleep") == 0
    assert "spent" in told[-1]


def test_what_a_run_says_of_itself_is_read() -> None:
    told = read("   0.125 s lowering\n   1,024 bytes parsed by LibCST\nother words\n", wall=1)
    assert told.seconds == {"lowering": 0.125, "start, files, report": 0.875}
    assert told.work == {"bytes parsed by LibCST": 1024}


def test_a_section_is_replaced() -> None:
    text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"
    assert replace_section(text, "x", "new") == "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n"
    with pytest.raises(ValueError, match="no section y"):
        replace_section(text, "y", "new")


def test_what_is_quoted_has_its_place() -> None:
    root = Path(__file__).resolve().parent.parent
    replace_section((root / "README.md").read_text("utf-8"), "speed", "")
    for name in ("compare", "scale", "profile", "ecosystem"):
        replace_section((root / "benchmarks" / "RESULTS.md").read_text("utf-8"), name, "")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_a_quick_comparison_prints_ratios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path / "tree", PROJECT)
    home = tmp_path / "home"
    program = peers._environment(peers.FLAKE8, home) / "bin" / "flake8"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 7.5.0\n")
    program.chmod(0o755)
    monkeypatch.setattr(own, "_SETTLED", 0)
    assert main(["compare", "--quick", str(tmp_path / "tree"), "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert "### tree: 3 files" in said
    assert "flake8 7.5.0" in said
    rows = {row.split("|")[1].strip(): row.split("|")[2:] for row in said.splitlines() if row.startswith("| ")}
    for name in (own.COLD, own.WARM, own.CHECKOUT, own.EDITED, own.SESSION_EDITED, own.COMMENTED, own.HOOK):
        assert float(rows[name][1].strip()) > 0  # times what flake8 takes
