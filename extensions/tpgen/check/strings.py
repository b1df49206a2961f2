"""Texts that Python code puts together from literals: what they are in the end."""

import ast
import base64
import binascii
import codecs
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from .file import File

LIMIT = 10_000
Known = Mapping[str, Any]
# `"%9999999999d" % 1` and the like would fill the memory: only plain places are filled.
WIDE_PERCENT = re.compile(r"%(?!s|%|r|\(\w+\)s)")
WIDE_BRACES = re.compile(r"\{\w*[^\w}]")


def texts(file: File) -> Iterator[tuple[ast.expr, str]]:
    """Each text that literals of a file make, with the outermost expression that makes it.

    Raises:
        Unreadable: the file is no Python.
    """
    sums: list[ast.BinOp] = []
    known = _names(file, sums)
    done: set[ast.AST] = set()
    groups: list[Sequence[ast.expr]] = [sums]
    for kind in (ast.BinOp, ast.JoinedStr, ast.Call, ast.Subscript, ast.Constant):
        found: Iterator[ast.expr] = file.nodes(kind)
        groups.append(sorted(found, key=_place))
    for nodes in groups:
        for node in nodes:
            if node in done:
                continue
            value = fold(node, known)
            if isinstance(value, bytes):
                value = _unpacked(value).decode("utf-8", errors="replace")
            if isinstance(value, str):
                done.update(ast.walk(node))
                yield node, value


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _names(file: File, sums: list[ast.BinOp]) -> Known:
    """What names of a file stand for that are bound once, to a text that can be told.

    Args:
        sums: takes what `+=` adds to one of them.
    """
    bound: dict[str, list[ast.expr]] = {}
    for node in file.nodes(ast.Assign):
        for target in node.targets:
            for name, value in _pairs(target, node.value):
                bound.setdefault(name, []).append(value)
    for annotated in file.nodes(ast.AnnAssign):
        if isinstance(annotated.target, ast.Name) and annotated.value is not None:
            bound.setdefault(annotated.target.id, []).append(annotated.value)
    for added in file.nodes(ast.AugAssign):
        if isinstance(added.target, ast.Name) and len(bound.get(added.target.id, ())) == 1:
            sum_of_both = ast.BinOp(bound[added.target.id][0], added.op, added.value)
            bound[added.target.id] = [ast.copy_location(sum_of_both, added)]
            sums.append(sum_of_both)
    known: dict[str, Any] = {}
    for name, values in bound.items():
        if len(values) == 1 and (value := fold(values[0], known)) is not None:
            known[name] = value
    return known


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What an assignment binds to names, each with its own value."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its_value in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, its_value)


def fold(node: ast.expr, known: Known, depth: int = 40) -> Any:
    """The value of an expression of literals: a text, bytes, a number, a list; None if untold."""
    if depth == 0:
        return None
    try:
        value = _fold(node, known, depth - 1)
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, binascii.Error):
        return None
    return value if not isinstance(value, str | bytes | list) or len(value) <= LIMIT else None


def _fold(node: ast.expr, known: Known, depth: int) -> Any:
    match node:
        case ast.Constant(value=str() | bytes() | int() as value):
            return value
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name):
            return known.get(name)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            values = [fold(one, known, depth) for one in elements]
            return None if None in values else values
        case ast.BinOp():
            return _operation(node, known, depth)
        case ast.JoinedStr(values=values):
            return _joined([fold(one, known, depth) for one in values])
        case ast.FormattedValue(value=inner, format_spec=None):
            return fold(inner, known, depth)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -fold(operand, known, depth)
        case ast.Subscript(value=inner, slice=ast.Slice(lower=None, upper=None, step=step)):
            by = fold(step, known, depth) if step else 1
            return fold(inner, known, depth)[::by]
        case ast.Dict(keys=keys, values=values):
            names = [fold(one, known, depth) if one else None for one in keys]
            return dict(zip(names, [fold(one, known, depth) for one in values], strict=True))
        case ast.Subscript(value=inner, slice=ast.Constant(value=at)):
            return fold(inner, known, depth)[at]
        case ast.Call():
            return _call(node, known, depth)
    return None


def _operation(node: ast.BinOp, known: Known, depth: int) -> Any:
    left, right = fold(node.left, known, depth), fold(node.right, known, depth)
    if left is None or right is None or isinstance(left, int):
        return None
    match node.op:
        case ast.Add():
            return left + right
        case ast.Mod() if isinstance(left, str) and not WIDE_PERCENT.search(left):
            return left % (tuple(right) if isinstance(right, list) else right)
        case ast.Mult() if isinstance(right, int) and len(left) * right <= LIMIT:
            return left * right
    return None


def _joined(values: list[Any]) -> str | None:
    if any(value is None or isinstance(value, bytes) for value in values):
        return None
    return "".join(map(str, values))


def _call(node: ast.Call, known: Known, depth: int) -> Any:
    given: list[Any] = ["chr" if _is_chr(one) else fold(one, known, depth) for one in node.args]
    named = {one.arg: fold(one.value, known, depth) for one in node.keywords if one.arg}
    if None in given or None in named.values():
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Name):
        name = node.func.id
    if isinstance(node.func, ast.Attribute) and name in METHODS:
        of = fold(node.func.value, known, depth)
        if isinstance(of, str | bytes):
            return _method(of, name, given, named)
    if name in DECODERS and given and isinstance(given[0], str | bytes):
        return DECODERS[name](given[0])
    if name == "map" and len(given) == 2 and isinstance(given[1], list):
        return list(map(chr, given[1]))
    if name == "chr" and given:
        return chr(given[0])
    if name == "bytes" and given and isinstance(given[0], list):
        return bytes(given[0])
    if name == "reversed" and given and isinstance(given[0], str):
        return list(given[0][::-1])
    return None


def _is_chr(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "chr"


METHODS = {"join", "format", "replace", "decode", "encode", "strip", "removeprefix", "removesuffix"}


def _method(of: str | bytes, name: str, given: list[Any], named: dict[str, Any]) -> Any:
    if name == "format" and WIDE_BRACES.search(str(of)):
        return None
    if name == "join" and sum(map(len, given[0])) > LIMIT:
        return None
    if name == "replace" and len(of) * (1 + len(given[1])) > LIMIT * 10:
        return None
    return getattr(of, name)(*given, **named)


def _base64(text: str | bytes) -> bytes:
    return base64.b64decode(text)


def _urlsafe(text: str | bytes) -> bytes:
    return base64.urlsafe_b64decode(text)


def _hex(text: str | bytes) -> bytes:
    return bytes.fromhex(text if isinstance(text, str) else text.decode())


def _unquoted(text: str | bytes) -> str:
    return unquote(text)


def _rot13(text: str | bytes) -> str:
    return codecs.decode(text if isinstance(text, str) else text.decode(), "rot13")


def _unpacked(data: str | bytes) -> bytes:
    """What gzip and zlib packed; other bytes as they are."""
    packed = data.encode() if isinstance(data, str) else data
    if not packed.startswith((b"\x1f\x8b", b"x\x9c", b"x\xda", b"x\x01")):
        return packed
    try:
        return zlib.decompressobj(47).decompress(packed, LIMIT)
    except zlib.error:
        return packed


DECODERS: dict[str, Any] = {
    "b64decode": _base64,
    "standard_b64decode": _base64,
    "decodebytes": _base64,
    "a2b_base64": _base64,
    "urlsafe_b64decode": _urlsafe,
    "b32decode": base64.b32decode,
    "b16decode": base64.b16decode,
    "b85decode": base64.b85decode,
    "a85decode": base64.a85decode,
    "decompress": _unpacked,
    "fromhex": _hex,
    "unhexlify": _hex,
    "unquote": _unquoted,
    "decode": _rot13,
}
