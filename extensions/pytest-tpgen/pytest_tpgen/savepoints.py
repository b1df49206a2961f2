"""Make each transaction on an engine of one connection a savepoint of an outer transaction.

What one connection can't show correctly is refused: see `sandbox.py`.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine, ExceptionContext

from .deferred import defer, hint
from .statements import (
    changes_schema,
    ends_transaction,
    forget_prepared,
    listens,
    names_one_of,
    needs_commit,
    notifies,
    only_reads,
    savepoint,
    settings,
)
from .tasks import require_loop

SWITCH = "Use the `committed_db` fixture instead of `db` for this test: it commits for real."

_OPTIONS = ("isolation_level", "postgresql_readonly", "postgresql_deferrable")
# What Postgres answers, inside a transaction, to what ends one or must stand first or outside.
_REFUSED_BY_POSTGRES = {"25001", "2D000"}
# What asyncpg answers where a connection is asked for two things at once.
_BUSY = "another operation is in progress"
_LOSS = "A rollback would take the rows that a later transaction had committed."
OUTSIDE = (
    "`sandbox` or `committed` was written to outside of `session(…)`, by a fixture of wider scope "
    "than one test, or by a test that requests no session. The next test would see the rows, or "
    "lose them. Create rows in the test or in a fixture that requests `session`; rows that every "
    "test needs belong in a migration."
)
_HINT_NOTIFY = (
    "the test sent NOTIFY under `db`, and Postgres delivers a notification only after a commit, "
    "which `db` never does. If something waits for it, use the `committed_db` fixture instead."
)
_CURRENT = "SELECT current_setting($1, true)"
_RESTORE = "SELECT set_config($1, $2, false)"
# Restored in this order: the session's user resets the role, and the role what it may set.
_FIRST = ("session_authorization", "role")


class NeedsCommittedDatabase(Exception):
    """The code under test did something that one shared connection can't show correctly."""


@dataclass(eq=False)
class Transaction:
    """An open transaction of SQLAlchemy.

    Attributes:
        tests_own: whether it is of the test's own session.
        savepoint: the name of the one that it rolls back to; empty where it has none.
        saved_at: the tick at which that was set.
        wrote_at: the tick of its last write; 0 where it only read.
        failed: whether Postgres waits for it to roll back.
        local: the session's values of the settings that it set for itself only, by name; a name
            that can't be read from the statement is empty.
        nested: the ticks of the savepoints that it set itself, by name.
    """

    tests_own: bool
    savepoint: str = ""
    saved_at: int = 0
    wrote_at: int = 0
    failed: bool = False
    local: dict[str, str | None] = field(default_factory=dict)
    nested: dict[str, int] = field(default_factory=dict)


class Savepoints:
    """The transactions of an engine, whose connection must be in an outer transaction.

    Args:
        engine: it begins and commits nothing itself (`AUTOCOMMIT`).

    Attributes:
        active: whether a test uses the engine now.
        closing: whether the test is over: what is open needs no rollback of its own.
        schema_changed: whether prepared statements may be invalid; see `invalidate`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self.forget()
        self.schema_has((), "")
        listeners: dict[str, Callable[..., None]] = {
            "begin": self._on_begin,
            "begin_twophase": self._on_begin_twophase,
            "before_cursor_execute": self._on_execute,
            "after_cursor_execute": self._on_executed,
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
        self._lost = self.closing = self.active = False
        self.schema_changed = False

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

    def invalidate(self, dbapi_connection: Any) -> None:
        """Prepare each statement again: the schema that it was prepared for has changed."""
        self.schema_changed = True
        forget_prepared(self._engine, dbapi_connection)

    def failed(self) -> list[str]:
        """Return the savepoints of the open transactions that wait for a rollback."""
        return [mine.savepoint for mine in self._open.values() if mine.failed and mine.savepoint]

    def _on_execute(
        self, connection: Connection, _: object, statement: str, parameters: object, *__: object
    ) -> None:
        require_loop(self._loop)
        if connection not in self._open:
            # Of a session that outlived its test: what it had begun was rolled back.
            self._on_begin(connection)
        mine = self._open[connection]
        self._refuse_statement(statement)
        self._refuse_overlap(mine)
        writes = not only_reads(statement) or bool(self._writing_functions.search(statement))
        if writes and not self.active:
            raise NeedsCommittedDatabase(defer(OUTSIDE))
        if not mine.wrote_at and mine.saved_at < (self._tick if writes else self._written_at):
            mine.savepoint = ""  # below what others did meanwhile: set it again, above
        # Noted before the first await, for the transactions that go on during it.
        if writes:
            self._note_write(mine, statement)
        while not mine.savepoint:
            self._save(connection, mine)
        if writes:
            self._note_settings(connection, mine, statement, parameters)

    def _on_executed(self, connection: Connection, _: object, statement: str, *__: object) -> None:
        # Also after the end of a nested transaction that had changed the schema.
        if changes_schema(statement) or (self.schema_changed and savepoint(statement)):
            self.invalidate(connection.connection.dbapi_connection)

    def _refuse_statement(self, statement: str) -> None:
        if ends_transaction(statement):
            self._refuse(f"The code under test sent {statement.strip()!r} itself.")
        if needs_commit(statement):
            self._refuse(f"{statement.strip()!r} needs a transaction of its own.")
        if listens(statement):
            self._refuse(f"{statement.strip()!r} waits for what is sent only at a commit.")

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
        if notifies(statement):
            hint(_HINT_NOTIFY)

    def _note_settings(
        self, connection: Connection, mine: Transaction, statement: str, parameters: object
    ) -> None:
        """Remember what a setting was, where the statement sets it for its transaction only."""
        for name, is_local in settings(statement, parameters):
            if not is_local:
                mine.local.pop(name, None)
                continue
            names = _FIRST if name in _FIRST else (name,)
            for each in names:
                if each not in mine.local:
                    mine.local[each] = _fetch(connection, _CURRENT, each) if each else None

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
        if _BUSY in str(error):
            self._refuse("A result was streamed while another statement ran on the connection.")
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
        self._end_local(connection, mine)
        self._open.pop(connection)
        self._committed_at = max(self._committed_at, mine.wrote_at)

    def _end_local(self, connection: Connection, mine: Transaction) -> None:
        """Give what was set for the transaction only the value that the session had."""
        if "" in mine.local:
            for sql in ("RESET ALL", "RESET ROLE"):
                _send(connection, sql)
            return
        for name in sorted(mine.local, key=lambda name: (name not in _FIRST, name != _FIRST[0])):
            _fetch(connection, _RESTORE, name, mine.local[name])

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
        if mine is None or not mine.wrote_at or connection.invalidated:
            return
        if self.closing and not mine.failed:
            return
        lost = self._would_lose(mine.saved_at, mine)
        for other in self._open.values():
            if other.saved_at > mine.saved_at:
                other.savepoint = ""  # it goes with the rollback
        _send(connection, f"ROLLBACK TO SAVEPOINT {mine.savepoint}")
        if self.schema_changed:
            self.invalidate(connection.connection.dbapi_connection)
        if lost and not self.closing:
            self._refuse(_LOSS)

    def _refuse(self, what: str) -> NoReturn:
        raise NeedsCommittedDatabase(defer(f"{what} {SWITCH}"))


def _send(connection: Connection, sql: str) -> None:
    cursor = connection.connection.cursor()
    cursor.execute(sql)
    cursor.close()


def _fetch(connection: Connection, sql: str, *parameters: str | None) -> Any:
    """Return the one value that a query gives."""
    cursor = connection.connection.cursor()
    cursor.execute(sql, parameters)
    [value] = cursor.fetchone() or (None,)
    cursor.close()
    return value
