"""Make each transaction on an engine of one connection a savepoint of an outer transaction.

What one connection can't show correctly is refused: see `sandbox.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine, ExceptionContext

from .deferred import defer
from .statements import (
    ends_transaction,
    names_one_of,
    needs_commit,
    only_reads,
    savepoint,
    sets_local,
)

SWITCH = "Use the `committed_db` fixture instead of `db` for this test: it commits for real."

_OPTIONS = ("isolation_level", "postgresql_readonly", "postgresql_deferrable")
# What Postgres answers, inside a transaction, to what ends one or must stand first or outside.
_REFUSED_BY_POSTGRES = {"25001", "2D000"}
_LOSS = "A rollback would take the rows that a later transaction had committed."


class NeedsCommittedDatabase(Exception):
    """The code under test did something that one shared connection can't show correctly."""


@dataclass(eq=False)
class Transaction:
    """An open transaction of SQLAlchemy.

    Attributes:
        tests_own: whether it belongs to the test's own session.
        savepoint: the name of the savepoint that it rolls back to; empty if it has none.
        saved_at: the tick at which the savepoint was set.
        wrote_at: the tick of its last write; 0 if it only read.
        failed: whether Postgres requires a rollback.
        set_local: whether it changed a setting that must end with it.
        nested: the ticks of the savepoints of `begin_nested`, by name.
    """

    tests_own: bool
    savepoint: str = ""
    saved_at: int = 0
    wrote_at: int = 0
    failed: bool = False
    set_local: bool = False
    nested: dict[str, int] = field(default_factory=dict)


class Savepoints:
    """The transactions of an engine, whose connection must be in an outer transaction.

    Args:
        engine: it begins and commits nothing itself (`AUTOCOMMIT`).
    """

    def __init__(self, engine: Engine) -> None:
        self.forget()
        self.schema_has((), "")
        listeners: dict[str, Callable[..., None]] = {
            "begin": self._on_begin,
            "begin_twophase": self._on_begin_twophase,
            "before_cursor_execute": self._on_execute,
            "handle_error": self._on_error,
            "commit": self._on_commit,
            "rollback": self._on_rollback,
            "set_connection_execution_options": self._on_options,
            "set_engine_execution_options": self._on_options,
        }
        for name, listener in listeners.items():
            event.listen(engine, name, listener)

    def forget(self) -> None:
        """Reset the state: the outer transaction is a new one."""
        self._open: dict[Connection, Transaction] = {}
        # A tick is a savepoint or a write: a rollback takes what came after its savepoint.
        self._tick = self._written_at = self._committed_at = 0
        self._count = 0
        self._lost = self.closing = False

    def schema_has(self, writing_functions: Sequence[str], deferred: str) -> None:
        """Set what can't be read from a statement.

        Args:
            writing_functions: names of functions that may write.
            deferred: names of the constraints that Postgres checks at the commit.
        """
        self._writing_functions = names_one_of(writing_functions)
        self._deferred = deferred

    def connection_is_new(self) -> None:
        """Record that the connection was replaced, so that earlier writes are lost."""
        self._lost = self._written_at > 0

    def _on_options(self, _: object, options: dict[str, Any]) -> None:
        for name in _OPTIONS:
            if name in options:
                self._refuse(f"The option {name}={options[name]!r} was asked for.")

    def _on_begin(self, connection: Connection) -> None:
        tests_own = connection.get_execution_options().get("sandbox_tests_own", False)
        self._open[connection] = Transaction(tests_own)

    def _on_begin_twophase(self, *_: object) -> None:
        self._refuse("A two-phase transaction was begun.")

    def _on_execute(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        if connection not in self._open:
            # Of a session that outlived its test: what it had begun was rolled back.
            self._on_begin(connection)
        mine = self._open[connection]
        self._refuse_statement(statement)
        self._refuse_overlap(mine)
        writes = not only_reads(statement) or bool(self._writing_functions.search(statement))
        if not mine.wrote_at and mine.saved_at < (self._tick if writes else self._written_at):
            mine.savepoint = ""  # below what others did meanwhile: set it again, above
        # Noted before the first await, for the transactions that go on during it.
        if writes:
            self._note_write(mine, statement)
        while not mine.savepoint:
            self._save(connection, mine)

    def _refuse_statement(self, statement: str) -> None:
        if ends_transaction(statement):
            self._refuse(f"The code under test sent {statement.strip()!r} itself.")
        if needs_commit(statement):
            self._refuse(f"{statement.strip()!r} needs a transaction of its own.")

    def _refuse_overlap(self, mine: Transaction) -> None:
        if self._lost:
            self._refuse("The connection broke, and what the test had written went with it.")
        others = [other for other in self._open.values() if other is not mine]
        if any(other.wrote_at and not other.tests_own for other in others):
            self._refuse(
                "Two transactions are open at once, and the other one has written what this one "
                "must not see yet."
            )
        if any(other.failed for other in others):
            self._refuse(
                "The test's session had an error, and was not rolled back before another one "
                "went on: put `async with db.begin_nested():` around what fails."
            )

    def _note_write(self, mine: Transaction, statement: str) -> None:
        if found := savepoint(statement):
            self._on_savepoint(mine, *found)
        self._tick += 1
        mine.wrote_at = self._written_at = self._tick
        mine.set_local = mine.set_local or sets_local(statement)

    def _on_savepoint(self, mine: Transaction, verb: str, name: str) -> None:
        """Track the savepoints of `begin_nested`, which cover the work of other transactions too."""
        if verb == "SAVEPOINT":
            self._tick += 1
            mine.nested[name] = self._tick
            return
        tick = mine.nested.get(name, self._tick)
        if verb == "ROLLBACK":
            mine.failed = False
            if self._would_lose(tick, mine):
                self._refuse(_LOSS)

    def _save(self, connection: Connection, mine: Transaction) -> None:
        # Counted from 1 in every test, so that the prepared statements are used again.
        self._count += 1
        self._tick += 1
        mine.savepoint, mine.saved_at = f"sandbox_{self._count}", self._tick
        _send(connection, f"SAVEPOINT {mine.savepoint}")

    def _would_lose(self, tick: int, mine: Transaction) -> bool:
        """Return whether a rollback to that tick removes what another transaction wrote."""
        others = [other.wrote_at for other in self._open.values() if other is not mine]
        return max(self._committed_at, *others, 0) > tick

    def _on_error(self, context: ExceptionContext) -> None:
        """Record that Postgres requires a rollback, also after the error of a read."""
        mine = self._open.get(context.connection) if context.connection else None
        error = context.original_exception
        # The driver's own errors, such as a parameter of a wrong type, never reached Postgres.
        if mine and getattr(error.__cause__, "severity", None):
            self._tick += 1
            mine.failed, mine.wrote_at = True, self._tick
        if getattr(error, "sqlstate", None) in _REFUSED_BY_POSTGRES:
            self._refuse(f"Postgres refused this inside a transaction: {error}.")

    def _on_commit(self, connection: Connection) -> None:
        mine = self._open.get(connection)
        if mine is None:
            return
        if mine.failed:
            # As Postgres does.
            self._on_rollback(connection)
            return
        if self._deferred and mine.wrote_at:
            self._check_deferred(connection)
        if mine.set_local:
            _send(connection, "RESET ALL")
            _send(connection, "RESET ROLE")
        self._open.pop(connection)
        self._committed_at = max(self._committed_at, mine.wrote_at)

    def _check_deferred(self, connection: Connection) -> None:
        try:
            connection.exec_driver_sql(f"SET CONSTRAINTS {self._deferred} IMMEDIATE")
        except BaseException:
            # SQLAlchemy takes a transaction whose commit failed for ended.
            self._on_rollback(connection)
            raise
        _send(connection, f"SET CONSTRAINTS {self._deferred} DEFERRED")

    def _on_rollback(self, connection: Connection) -> None:
        mine = self._open.pop(connection, None)
        if mine is None or not mine.wrote_at or self.closing or connection.invalidated:
            return
        lost = self._would_lose(mine.saved_at, mine)
        for other in self._open.values():
            if other.saved_at > mine.saved_at:
                other.savepoint = ""  # it goes with the rollback
        _send(connection, f"ROLLBACK TO SAVEPOINT {mine.savepoint}")
        if lost:
            self._refuse(_LOSS)

    def _refuse(self, what: str) -> NoReturn:
        raise NeedsCommittedDatabase(defer(f"{what} {SWITCH}"))


def _send(connection: Connection, sql: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(sql)
    cursor.close()
