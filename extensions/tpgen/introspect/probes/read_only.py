"""Import a service without side effects: no connection, no process, no changed file.

An audit hook of Python refuses them. C code raises no audit events: SQLAlchemy and the database
drivers in C refuse to connect by themselves, uvloop is replaced by asyncio, and a network namespace
without interfaces stops the rest if the system permits it.
The service's own interpreter runs this, so it needs only the standard library.
See docs/decisions/0017-reading-a-service-changes-nothing.md.
"""

import asyncio
import ctypes
import errno
import importlib
import importlib.util
import json
import logging
import multiprocessing.process
import os
import re
import sys
import tempfile
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
    r"((?:postgres|mysql|mariadb|mssql|oracle|cockroachdb|redis|rediss|valkey|mongodb|amqp)[\w+]*://)"
    r"([^/@\s]*@)?[^/?\s]*([^?\s]*)\S*"
)
DATABASE_HOST = re.compile(
    r"(?i)(.*_)?(PG|POSTGRES\w*|DB|DATABASE|SQL|MYSQL|REDIS|MONGO\w*)_?(HOST\w*|SERVER|ADDR\w*|SOCKET)"
)
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
# Database drivers in C, and their classes that connect.
DRIVERS = {"psycopg": ("Connection", "AsyncConnection"), "psycopg2": ()}
# Events that start a process.
STARTS = {
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
    *("pty.spawn", "subprocess.Popen"),
}
# `ctypes.util.find_library` runs this.
LIST_LIBRARIES = ["/sbin/ldconfig", "-p"]
# Events that reach another host, and which argument is the address.
CONNECTS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0}
# Addresses that need no other host: that of a connected socket, and what the system resolves.
LOCAL = (None, "", "localhost", "127.0.0.1", "::1")
# Events that change files: each argument that is a path, and the one that is the open folder to
# which the path is relative.
CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    **dict.fromkeys(("open", "os.truncate", "sqlite3.connect"), ((0, None),)),
    **dict.fromkeys(("os.setxattr", "os.removexattr"), ((0, None),)),
    **dict.fromkeys(("os.remove", "os.rmdir"), ((0, 1),)),
    **dict.fromkeys(("os.mkdir", "os.chmod"), ((0, 2),)),
    **dict.fromkeys(("os.chown", "os.utime"), ((0, 3),)),
    **dict.fromkeys(("os.rename", "os.link"), ((0, 2), (1, 3))),
    "os.symlink": ((1, 2),),
    "socket.bind": ((1, None),),
}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# The names of SQLite's databases in memory.
MEMORY = re.compile(r"|:memory:|file:.*(:memory:|mode=memory).*")


def run(root: Path, read: Callable[[], Any]) -> NoReturn:
    """Print what a function returns, or `{"error": …}`, as JSON on the last line, and exit at once.

    The functions that the service registered for the end of the process do not run. Files can be
    written only to the temporary folder and the user's cache, outside of the service's root.
    """
    sys.dont_write_bytecode = True
    # The service may have a module with the name of one of ours.
    sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != HERE]
    _leave_network()
    _lead_nowhere(root)
    _replace_functions()
    hook = _Hook(root)
    sys.addaudithook(hook)
    try:
        text = json.dumps(read(), default=str)
    except BaseException as error:  # noqa: BLE001  # the service may raise SystemExit
        text = json.dumps({"error": said(error)})
    for folder in reversed(hook.made):
        with suppress(OSError):
            folder.rmdir()
    print(f"\n{text}", file=sys.__stdout__, flush=True)
    os._exit(0)


def _lead_nowhere(root: Path) -> None:
    """Let the settings that lead to a database name a host that does not exist, with `.env` too."""
    settings: dict[str, str] = {}
    with suppress(OSError):
        for line in (root / ".env").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            settings[name.strip()] = value.strip().strip("\"'")
    for name, value in {**settings, **os.environ}.items():
        if DATABASE_HOST.fullmatch(name):
            os.environ[name] = NOWHERE
        elif DATABASE_URL.search(value):
            os.environ[name] = DATABASE_URL.sub(rf"\1\2{NOWHERE}:9\3", value)
    os.environ |= {"PGHOST": NOWHERE, "PGSERVICEFILE": os.devnull, "PGPASSFILE": os.devnull}
    for name in ("PGHOSTADDR", "PGSERVICE"):
        os.environ.pop(name, None)


def said(error: BaseException) -> str:
    """Return an error in one line."""
    return " ".join("".join(traceback.format_exception_only(error)).split())[:300]


def _refuse(number: int, what: str) -> NoReturn:
    reason = f"the service {what} while tpgen reads it, which tpgen does not allow"
    raise OSError(number, reason)


def _leave_network() -> None:
    """Enter a network namespace without interfaces, if the system permits."""
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    if unshare is None:
        return
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        unshare(CLONE_NEWNET)
    elif unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        # Without a map the process would have no user name and no home.
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _replace_functions() -> None:
    """Replace what connects or starts a process without an audit event, and the log files."""
    # Many services open their log file when they are imported.
    vars(logging)["FileHandler"]._open = lambda handler: open(os.devnull, handler.mode)  # noqa: SIM115
    process = vars(multiprocessing.process)["BaseProcess"]
    process.start = lambda _: _refuse(errno.EACCES, "starts a process")
    if importlib.util.find_spec("uvloop"):
        sys.modules["uvloop"] = ModuleType("uvloop")
        vars(sys.modules["uvloop"]).update(
            run=asyncio.run,
            install=lambda: None,
            new_event_loop=asyncio.new_event_loop,
            EventLoopPolicy=asyncio.DefaultEventLoopPolicy,
        )
    for name, classes in DRIVERS.items():
        if importlib.util.find_spec(name):
            driver = importlib.import_module(name)
            for owner in (driver, *(getattr(driver, connection) for connection in classes)):
                owner.connect = _connect
    if importlib.util.find_spec("sqlalchemy"):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "do_connect", _connect_by_sqlalchemy)


def _connect(*_: Any, **__: Any) -> NoReturn:
    _refuse(errno.ECONNREFUSED, "connects to a database")


def _connect_by_sqlalchemy(dialect: Any, *_: Any) -> None:
    if dialect.name != "sqlite":  # whose file the audit hook sees
        _connect()


class _Hook:
    """The audit hook.

    Attributes:
        made: the folders that the service made, for uploads and logs for example; they are removed.
    """

    def __init__(self, root: Path) -> None:
        self.root = os.path.realpath(root)
        self.made: list[Path] = []
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.writable = tuple(map(os.path.realpath, (tempfile.gettempdir(), cache, "/dev")))

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS and arguments[1:2] != (LIST_LIBRARIES,):
            _refuse(errno.EACCES, f"starts {arguments[0] if arguments else 'a process'}")
        if event in CONNECTS and arguments[CONNECTS[event]] not in LOCAL:
            _refuse(errno.ECONNREFUSED, f"connects to {arguments[CONNECTS[event]]}")
        if event in CHANGES and (event != "open" or arguments[2] & WRITES):
            for path, folder in CHANGES[event]:
                if isinstance(arguments[path], str | bytes | os.PathLike):
                    name = os.fsdecode(arguments[path])
                    self._check(event, name, -1 if folder is None else arguments[folder])

    def _check(self, event: str, name: str, descriptor: int) -> None:
        # Where there is no /proc, a path that is relative to an open folder is refused.
        folder = f"/proc/self/fd/{descriptor}" if descriptor >= 0 else ""
        path = Path(os.path.realpath(os.path.join(folder, name)))
        is_in_memory = event == "sqlite3.connect" and MEMORY.fullmatch(name)
        is_temporary = any(map(path.is_relative_to, self.writable))
        is_harmless = is_in_memory or (is_temporary and not path.is_relative_to(self.root))
        if event == "os.mkdir":
            self.made += [] if path.exists() else [path]
        elif not is_harmless and path not in self.made:
            _refuse(errno.EACCES, f"writes {name}")
