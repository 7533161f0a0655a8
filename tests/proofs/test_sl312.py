"""SL312: what one owner of a transaction has committed, the other cannot roll back."""

from __future__ import annotations

import pytest
from harness import Database, application, client


def order(database: Database, title: str, article: int) -> int:
    """The status of an order; of article 1 there is one piece, of article 2 none."""
    database.execute(
        "CREATE TABLE orders (article INTEGER)",
        "CREATE TABLE stock (article INTEGER, pieces INTEGER CHECK (pieces >= 0))",
        "INSERT INTO stock VALUES (1, 1), (2, 0)",
    )
    program = database.load("SL312", title)

    async def scenario() -> int:
        async with client(application(program.router)) as http:
            return (await http.post("/orders", params={"article": article})).status_code

    return database.run(scenario())


def test_an_order_that_failed_stays(sqlite: Database) -> None:
    assert order(sqlite, "Example", 2) == 500
    assert sqlite.rows("SELECT article FROM orders") == [(2,)]


def test_with_one_owner_it_is_undone(sqlite: Database) -> None:
    assert order(sqlite, "Use instead", 2) == 500
    assert sqlite.rows("SELECT article FROM orders") == []


@pytest.mark.parametrize("title", ["Example", "Use instead"])
def test_both_take_an_order_that_can_be_met(sqlite: Database, title: str) -> None:
    assert order(sqlite, title, 1) == 200
    assert sqlite.rows("SELECT article FROM orders") == [(1,)]
    assert sqlite.rows("SELECT pieces FROM stock WHERE article = 1") == [(0,)]
