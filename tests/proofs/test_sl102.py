"""SL102: every object that makes an engine keeps connections of its own."""

from __future__ import annotations

from harness import Database


def test_ten_objects_keep_ten_connections(sqlite: Database) -> None:
    program = sqlite.load("SL102", "Example")
    exports = [program.WarehouseExport("sqlite://") for _ in range(10)]
    assert [export.tables() for export in exports] == [[]] * 10
    assert sqlite.connected() == 10


def test_ten_objects_share_the_connection_of_one_session(sqlite: Database) -> None:
    program = sqlite.load("SL102", "Use instead")
    with program.SessionLocal() as db:
        exports = [program.WarehouseExport(db) for _ in range(10)]
        assert [export.tables() for export in exports] == [[]] * 10
        assert sqlite.connected() == 1
