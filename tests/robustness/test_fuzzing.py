"""A short, seeded run of what ``python -m fuzzing`` runs for as long as one likes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hypothesmith
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzzing import properties
from fuzzing.__main__ import check, main
from fuzzing.grammar import program
from fuzzing.mutation import mutated

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "fixtures" / "batch_scraper").rglob("*.py"))


def seeded(examples: int) -> Callable[[Callable[..., None]], Any]:
    """Settings of a run that is the same each time."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


@seeded(30)
@given(st.randoms(use_true_random=False))
def test_programs_are_checked(chance: Random) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        check("programs", program(chance), Path(scratch).resolve(), chance)


@pytest.mark.parametrize("seed", range(3))
def test_programs_are_checked_the_same_in_every_way(seed: int, tmp_path: Path) -> None:
    check("ways", program(Random(seed)), tmp_path.resolve(), Random(seed))


@seeded(300)
@given(st.sampled_from(FILES), st.randoms(use_true_random=False))
def test_mutated_files_are_lowered_or_refused(path: Path, chance: Random) -> None:
    properties.check_lowering(mutated(path.read_text("utf-8"), chance))


@seeded(40)
@given(hypothesmith.from_grammar().map(str))
def test_python_of_the_grammar_is_lowered_or_refused(text: str) -> None:
    properties.check_lowering(text)


@seeded(15)
@given(hypothesmith.from_node())
def test_python_of_libcst_is_checked(text: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        check("programs", {"a.py": text}, Path(scratch).resolve(), Random(0))


@pytest.mark.parametrize("seed", range(20))
def test_programs_are_python(seed: int) -> None:
    """Else nothing is learned from them."""
    for text in program(Random(seed)).values():
        assert properties.check_lowering(text)


def test_an_example_that_fails_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_text: str) -> bool:
        raise RecursionError("found one")

    monkeypatch.setattr(properties, "check_lowering", fail)
    options = ["--examples", "2", "--only", "mutations", "--corpus", "--keep", str(tmp_path)]
    assert main(options) == 1
    assert "2 failed" in capsys.readouterr().out
    assert (tmp_path / "mutations-0-1" / "mutated.py").exists()
    assert "found one" in (tmp_path / "mutations-0-1" / "error.txt").read_text()
