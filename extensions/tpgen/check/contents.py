"""What is inside a file: the members of archives, and what was coded as base64 text."""

import base64
import binascii
import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, cast

from .runs import has_long_run, near_runs

# What one file may unpack to: more than any fixture, and too little to harm a machine.
DEPTH = 3
MEMBERS = 500
TOTAL = 32 * 1024 * 1024
BLOBS = 50
ZIP, TAR_AT = b"PK\x03\x04", 257
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    RuntimeError,
    NotImplementedError,
    MemoryError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


@dataclass(frozen=True)
class Part:
    """Something that a file holds.

    Attributes:
        path: where inside, its steps joined by `!`; empty for the file itself.
        data: its bytes; as many as could be read.
        offset: where base64 text begins in the file itself; else 0.
    """

    path: str
    data: bytes
    offset: int = 0


@dataclass
class _Budget:
    """What may still be unpacked."""

    members: int = MEMBERS
    total: int = TOTAL

    def read(self, stream: IO[bytes]) -> bytes:
        """The beginning of a stream, also where it breaks off."""
        got = []
        try:
            # `read1` gives what there is of a broken stream, where `read` loses all of it.
            read = getattr(stream, "read1", stream.read)
            while self.total > 0 and (chunk := read(min(65536, self.total))):
                got.append(chunk)
                self.total -= len(chunk)
        except BROKEN:
            pass
        return b"".join(got)


@lru_cache(maxsize=1)  # Three rules look at each file.
def parts(data: bytes) -> tuple[Part, ...]:
    """A file and everything packed in it, three layers deep.

    Never raises: what is broken is read as far as it goes, and what is too much is left out.
    """
    return tuple(_parts("", data, DEPTH, _Budget(), 0))


def packed(data: bytes) -> tuple[Part, ...]:
    """The same, without the file itself."""
    return parts(data)[1:]


def _parts(path: str, data: bytes, depth: int, budget: _Budget, offset: int) -> Iterator[Part]:
    yield Part(path, data, offset)
    if not depth:
        return
    for name, inner, place in _inside(data, budget):
        if budget.members <= 0:
            return
        budget.members -= 1
        inside = f"{path}!{name}" if path else name
        yield from _parts(inside, inner, depth - 1, budget, offset or place)


def _inside(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes, int]]:
    for magic, name, opened in _STREAMS:
        if data.startswith(magic):
            yield from _of_stream(name, data, opened, budget)
            return
    if data.startswith(ZIP) or (b"\0" in data and b"PK\x05\x06" in data[-70000:]):
        yield from _of_archive(_zip_members(data, budget))
    elif data[TAR_AT : TAR_AT + 5] == b"ustar":
        yield from _of_archive(_tar_members(data, budget))
    elif b"\0" not in data[:1024]:
        yield from _of_text(data, budget)


def _of_stream(
    name: str, data: bytes, opened: Callable[[IO[bytes]], IO[bytes]], budget: _Budget
) -> Iterator[tuple[str, bytes, int]]:
    try:
        with opened(io.BytesIO(data)) as stream:
            inner = budget.read(stream)
    except BROKEN:
        return
    if inner:
        yield name, inner, 0


def _of_archive(members: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes, int]]:
    try:
        for name, inner in members:
            yield name, inner, 0
    except BROKEN:
        return


def _zip_members(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except BROKEN:
        # Without its directory, which is at the end: the members that are whole can be read.
        yield from _loose_members(data, budget)
        return
    with archive:
        for info in archive.infolist():
            if info.is_dir() or info.flag_bits & 1:
                continue
            if budget.members <= 0 or budget.total <= 0:
                return
            try:
                with archive.open(info) as stream:
                    inner = budget.read(stream)
            except BROKEN:
                continue
            yield info.filename, inner


def _loose_members(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    at = data.find(ZIP)
    while at >= 0 and budget.members > 0 and budget.total > 0:
        header = data[at : at + 30]
        method = int.from_bytes(header[8:10], "little")
        skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        start = at + 30 + skip
        name = data[at + 30 : at + 30 + int.from_bytes(header[26:28], "little")]
        after = data.find(ZIP, at + 4)
        body = data[start : after if after >= 0 else None]
        if method == 8:
            body = zlib_beginning(body, budget.total)
        budget.total -= len(body)
        yield name.decode(errors="replace"), body
        at = after


def zlib_beginning(body: bytes, limit: int) -> bytes:
    """What a raw deflate stream holds, as far as it can be read."""
    try:
        return zlib.decompressobj(-15).decompress(body, max(1, limit))
    except zlib.error:
        return b""


def _tar_members(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|") as archive:
        for info in archive:
            if budget.members <= 0 or budget.total <= 0:
                return
            if info.isfile() and (stream := archive.extractfile(info)) is not None:
                yield info.name, budget.read(stream)


# How base64 begins of what is worth to be decoded: packed data, dumps.
_HEADS = (
    (b"H4sI", "gzip"),
    (b"QlpoO", "bzip2"),
    (b"/Td6WFoA", "xz"),
    (b"KLUv/", "zstd"),
    (b"UEsDB", "zip"),
    (b"UEdETVA", "dump"),
    (b"U1FMaXRlIGZvcm1hdCAz", "dump"),
    (b"UkVESVMwM", "dump"),
    (b"LS0KLS0gUG9zdGdyZVNRTC", "dump"),
    (b"LS0gUG9zdGdyZVNRTC", "dump"),
    (b"LS0gTXlTUUwgZHVtc", "dump"),
    (b"LS0gTWFyaWFEQiBkdW1w", "dump"),
    (b"dG9jLmRhdAAA", "dump"),
    (b"eyJ", "JSON"),
    (b"ewog", "JSON"),
    (b"W3si", "JSON"),
    (b"PD94bWwg", "XML"),
)
_BLOB = re.compile(rb"[A-Za-z0-9+/=_-]{40,}(?:(?:\\n|[\s\"'+,])+[A-Za-z0-9+/=_-]{4,})*")


def _of_text(data: bytes, budget: _Budget) -> Iterator[tuple[str, bytes, int]]:
    if not has_long_run(data):
        return
    left, near = BLOBS, near_runs(data)
    for head, name in _HEADS:
        if head not in near:
            continue
        at = data.find(head)
        while at >= 0 and left > 0:
            if found := _BLOB.match(data, at):
                left -= 1
                if inner := decoded(found[0]):
                    budget.total -= len(inner)
                    yield f"base64 {name}", inner, at
            at = data.find(head, found.end() if found else at + 1)


def decoded(text: bytes) -> bytes:
    """What base64 text stands for, as far as it goes; also where it is broken over lines."""
    clean = re.sub(rb"\\n|[^A-Za-z0-9+/_-]", b"", text)
    clean = clean.translate(bytes.maketrans(b"-_", b"+/"))
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    try:
        return base64.b64decode(clean + b"=" * (-len(clean) % 4))
    except (binascii.Error, ValueError):
        return b""


def _zstd(stream: IO[bytes]) -> IO[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise NotImplementedError("this Python has no zstd") from None
    opened: IO[bytes] = zstd.open(stream)
    return opened


def _gzip(stream: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], gzip.GzipFile(fileobj=stream))


def _bzip2(stream: IO[bytes]) -> IO[bytes]:
    return bz2.BZ2File(stream)


def _zlib(stream: IO[bytes]) -> IO[bytes]:
    return io.BytesIO(zlib.decompressobj().decompress(stream.read(), TOTAL))


def _xz(stream: IO[bytes]) -> IO[bytes]:
    return lzma.LZMAFile(stream)


_STREAMS: tuple[tuple[bytes, str, Callable[[IO[bytes]], IO[bytes]]], ...] = (
    (b"\x1f\x8b", "gzip", _gzip),
    (b"BZh", "bzip2", _bzip2),
    (b"\xfd7zXZ\0", "xz", _xz),
    (b"\x5d\0\0", "lzma", _xz),
    (b"\x28\xb5\x2f\xfd", "zstd", _zstd),
    (b"x\x9c", "zlib", _zlib),
    (b"x\xda", "zlib", _zlib),
    (b"x\x01", "zlib", _zlib),
)
