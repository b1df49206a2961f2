"""Import a service without side effects: no connection, no program, no changed file.

`enter` installs an audit hook of Python and an event of SQLAlchemy, replaces the connect functions
of libpq's drivers and the settings that lead to databases, and enters a network namespace if the
system permits. Other C code can still open a file or a socket, as `dbm` and SQLite's ATTACH do.
The service's own interpreter runs this, so it needs only the standard library.
See docs/decisions/0017-reading-a-service-changes-nothing.md.
"""

import atexit
import ctypes
import errno
import importlib
import importlib.util
import logging
import multiprocessing.process
import os
import re
import shutil
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

HERE = Path(__file__).parent
# The reserved top-level domain `invalid` names no host.
NOWHERE = "tpgen-refuses-connections.invalid"
DATABASE_URL = re.compile(
    r"(?P<scheme>(?:postgres|mysql|mariadb|mssql|oracle|cockroachdb|redis|rediss|valkey|mongodb|amqp)"
    r"[\w+]*)://(?P<rest>\S*)"
)
DATABASE_HOST = re.compile(
    r"(?i)(.*_)?(PG|POSTGRES\w*|DB|DATABASE|SQL|MYSQL|REDIS|MONGO\w*)_?(HOST\w*|SERVER|ADDR\w*|SOCKET)"
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Events that change files: which arguments are paths, each with the folder that it is relative to.
CHANGES: dict[str, list[tuple[int, int | None]]] = {
    "os.remove": [(0, 1)],
    "os.rename": [(0, 2), (1, 3)],
    "os.rmdir": [(0, 1)],
    "os.link": [(0, 2), (1, 3)],
    "os.symlink": [(1, 2)],
    "os.truncate": [(0, None)],
    "os.chmod": [(0, 2)],
    "os.chown": [(0, 3)],
    "os.utime": [(0, 3)],
    "os.setxattr": [(0, None)],
    "os.removexattr": [(0, None)],
    "sqlite3.connect": [(0, None)],
}
# Event loops in C open sockets and start programs without an audit event.
LOOPS = ("uvloop", "winloop", "rloop")
STARTS = {"subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"}
# Programs that Python itself runs to find a library or the system; they change nothing.
HARMLESS = {"uname", "ldconfig", "lsb_release"}
DRIVERS = {"psycopg": ("Connection", "AsyncConnection"), "psycopg2": ()}
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def enter(root: Path) -> None:
    """Refuse side effects in this process from now on, and print errors as one line.

    Args:
        root: the folder of the service. Files can be written only to the temporary folder and the
            user's cache, and only outside the service.
    """
    sys.dont_write_bytecode = True
    sys.excepthook = lambda kind, error, trace: print(said(error), file=sys.stderr)
    # The service may have a module with the name of one of ours.
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != HERE]
    _leave_network()
    # Many services open their log file when they are imported.
    vars(logging)["FileHandler"]._open = lambda handler: open(os.devnull, handler.mode)  # noqa: SIM115
    os.environ.update(_nowhere({**_dotenv(root), **os.environ}))
    os.environ |= {"PGHOST": NOWHERE, "PGSERVICEFILE": os.devnull, "PGPASSFILE": os.devnull}
    for name in ("PGHOSTADDR", "PGSERVICE"):
        os.environ.pop(name, None)
    if importlib.util.find_spec("sqlalchemy"):
        _refuse_sqlalchemy()
    _refuse_drivers()
    _replace_loops()
    # None of these has an audit event.
    os.mkfifo = os.mknod = _no_file
    vars(multiprocessing.process)["BaseProcess"].start = _no_process
    _hooks.append(_Hook(root))
    sys.addaudithook(_hooks[-1])


def leave() -> NoReturn:
    """End the process at once, without the functions that the service registered for its end."""
    sys.stdout.flush()
    for hook in _hooks:
        hook.remove_made()
    os._exit(0)


_hooks: "list[_Hook]" = []


def said(error: BaseException) -> str:
    """Return an error in one line."""
    lines = "".join(traceback.format_exception_only(error)).split("\n")
    return " ".join(line.strip() for line in lines if line.strip())[:300]


def _leave_network() -> None:
    """Enter a network namespace without interfaces, if the system permits."""
    unshare = getattr(ctypes.CDLL(None, use_errno=True), "unshare", None)
    if unshare is None or not sys.platform.startswith("linux"):
        return
    if os.geteuid() == 0:
        unshare(CLONE_NEWNET)
        return
    user, group = os.geteuid(), os.getegid()
    if unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        # Without a map the process would have no user name and no home.
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _dotenv(root: Path) -> dict[str, str]:
    """Return the settings in the service's `.env`."""
    try:
        lines = (root / ".env").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _nowhere(settings: dict[str, str]) -> dict[str, str]:
    """Return the settings that lead to a database, with an address that does not exist."""
    found = {}
    for name, value in settings.items():
        if DATABASE_URL.search(value):
            found[name] = DATABASE_URL.sub(_moved, value)
        elif DATABASE_HOST.fullmatch(name):
            found[name] = NOWHERE
    return found


def _moved(url: "re.Match[str]") -> str:
    """Return the same URL with another host; name, password and database stay as they are."""
    authority, slash, path = url["rest"].partition("/")
    user, at, _ = authority.rpartition("@")
    return f"{url['scheme']}://{user}{at}{NOWHERE}:9{slash}{path.partition('?')[0]}"


def _refuse_sqlalchemy() -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "do_connect")
    def refuse(dialect: Any, *_: Any) -> None:
        if dialect.name != "sqlite":  # whose file the audit hook sees
            _connects_to_a_database()


def _connects_to_a_database(*_: Any, **__: Any) -> NoReturn:
    raise _refusal(ConnectionRefusedError, errno.ECONNREFUSED, "connects to a database")


def _no_process(*_: Any) -> NoReturn:
    raise _refusal(PermissionError, errno.EACCES, "starts a process")


def _no_file(*_: Any, **__: Any) -> NoReturn:
    raise _refusal(PermissionError, errno.EACCES, "makes a special file")


def _refuse_drivers() -> None:
    """Replace the connect functions of libpq, which opens sockets without an audit event."""
    for name, classes in DRIVERS.items():
        if importlib.util.find_spec(name):
            driver = importlib.import_module(name)
            vars(driver).update(connect=_connects_to_a_database)
            for connection in classes:
                getattr(driver, connection).connect = _connects_to_a_database


def _replace_loops() -> None:
    """Replace the event loops in C with the one of Python."""
    import asyncio

    for name in LOOPS:
        if importlib.util.find_spec(name):
            sys.modules[name] = ModuleType(name)
            vars(sys.modules[name]).update(
                run=asyncio.run,
                install=lambda: None,
                new_event_loop=asyncio.new_event_loop,
                Loop=asyncio.SelectorEventLoop,
                EventLoopPolicy=asyncio.DefaultEventLoopPolicy,
            )


def _refusal(kind: type[OSError], number: int, what: str) -> OSError:
    return kind(number, f"the service {what} while tpgen reads it, which tpgen does not allow")


class _Hook:
    """The audit hook."""

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self.made: list[str] = []
        # The thread that removes folders of ours.
        self.paused: int | None = None
        atexit.register(self.remove_made)
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.writable = [
            os.path.realpath(folder) for folder in (tempfile.gettempdir(), cache, "/dev")
        ]
        self.handlers: dict[str, Callable[[tuple[Any, ...]], None]] = {
            "open": self._open,
            "os.mkdir": self._mkdir,
            "socket.bind": self._bind,
            "socket.connect": self._connect,
            "socket.sendto": self._connect,
            "socket.sendmsg": self._connect,
            "socket.getaddrinfo": self._resolve,
            "os.system": self._system,
            **dict.fromkeys(STARTS, self._start),
        }

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.paused == threading.get_ident():
            return
        if event in self.handlers:
            self.handlers[event](arguments)
        elif event in CHANGES:
            for path, folder in CHANGES[event]:
                descriptor = arguments[folder] if folder and folder < len(arguments) else -1
                self._check(arguments[path], descriptor)

    def _open(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        writes = set("wax+") & set(mode) if isinstance(mode, str) else flags & WRITES
        if writes:
            self._check(path)

    def _mkdir(self, arguments: tuple[Any, ...]) -> None:
        """Allow a new folder, which services make for uploads and logs; remove it at the end."""
        path = _absolute(os.fsdecode(arguments[0]), arguments[2])
        if not os.path.exists(path) and not self._may_write(path):
            self.made.append(path)

    def _check(self, path: Any, descriptor: Any = -1) -> None:
        if isinstance(path, int) or path is None:  # an open file
            return
        text = os.fsdecode(path)
        is_memory = text in ("", ":memory:") or re.match(r"file:.*(:memory:|mode=memory)", text)
        if not is_memory and not self._may_write(_absolute(text, descriptor)):
            raise _refusal(PermissionError, errno.EACCES, f"writes {text}")

    def _may_write(self, path: str) -> bool:
        real = os.path.realpath(path)
        return not _is_below(real, self.root) and any(
            _is_below(real, folder) for folder in self.writable
        )

    def _connect(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[1] if len(arguments) > 1 else None
        if address is not None:
            raise _refusal(ConnectionRefusedError, errno.ECONNREFUSED, f"connects to {address}")

    def _bind(self, arguments: tuple[Any, ...]) -> None:
        if isinstance(arguments[1], str | bytes):  # a socket in the file system
            self._check(arguments[1])

    def _resolve(self, arguments: tuple[Any, ...]) -> None:
        if arguments[0] in (None, "", "localhost", "127.0.0.1", "::1"):
            return
        raise _refusal(ConnectionRefusedError, errno.ECONNREFUSED, f"asks for {arguments[0]}")

    def _start(self, arguments: tuple[Any, ...]) -> None:
        program = arguments[0] or (arguments[1] or [""])[0]
        name = os.path.basename(os.fsdecode(program))
        if name not in HARMLESS or self._is_own(os.fsdecode(program)):
            raise _refusal(PermissionError, errno.EACCES, f"starts {name}")

    def _is_own(self, program: str) -> bool:
        """Return whether a program is part of the service."""
        found = shutil.which(program)
        return found is None or _is_below(os.path.realpath(found), self.root)

    def _system(self, arguments: tuple[Any, ...]) -> None:
        command = os.fsdecode(arguments[0])
        raise _refusal(PermissionError, errno.EACCES, f"starts {command}")

    def remove_made(self) -> None:
        """Remove the folders that the service made, if they are empty."""
        self.paused = threading.get_ident()
        for folder in reversed(self.made):
            with suppress(OSError):
                os.rmdir(folder)
        self.paused = None


def _absolute(path: str, descriptor: Any) -> str:
    """Return a path that may be relative to an open folder."""
    if os.path.isabs(path) or not isinstance(descriptor, int) or descriptor < 0:
        return os.path.abspath(path)
    for folder in (f"/proc/self/fd/{descriptor}", f"/dev/fd/{descriptor}"):
        if os.path.exists(folder):
            return os.path.join(os.path.realpath(folder), path)
    return os.path.abspath(path)


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
