"""The text of annotations and defaults, in one spelling."""

import ast

# One spelling for types that have several.
SPELLINGS = {
    **{name: name.lower() for name in ("List", "Dict", "Tuple", "Set", "FrozenSet", "Type")},
    "AsyncContextManager": "AbstractAsyncContextManager",
    "ContextManager": "AbstractContextManager",
    "DefaultDict": "defaultdict",
    "Deque": "deque",
    "NoneType": "None",
    "Text": "str",
}
# Modules whose names are written without them.
BARE = {
    *("builtins", "collections", "contextlib", "datetime", "decimal", "enum", "fractions", "io"),
    *("os", "pathlib", "types", "typing", "typing_extensions", "uuid"),
}


def annotation(text: str) -> str:
    """Return an annotation in one spelling, without quotes: `Optional[X]` is `X | None`."""
    if text.startswith("*"):
        return f"Unpack[{annotation(text[1:])}]"
    try:
        return _text(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError:
        return text


def default(text: str) -> str:
    """Return the expression of a default, with double quotes."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return "..."
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return quote(node.value)
    return ast.unparse(node)


def call(node: ast.Call) -> str:
    """Return a call as text, without the module of a class: `decimal.Decimal("1")`."""
    *_, name = ast.unparse(node.func).split(".")
    if name[:1].isupper():
        node = ast.Call(ast.Name(name), node.args, node.keywords)
    return ast.unparse(node)


def quote(text: str) -> str:
    """Return a literal of a string, in double quotes where that needs no more escapes."""
    literal = repr(text)
    if literal[0] == "'" and '"' not in text:
        inner = literal[1:-1].replace("\\'", "'")
        return f'"{inner}"'
    return literal


def union(texts: list[str]) -> str:
    """Return the union of types, each once."""
    return " | ".join(dict.fromkeys(part for text in texts for part in split(text)))


def split(text: str) -> list[str]:
    """Return the members of a union in a text, which may hold unions in brackets."""
    parts, depth, quoted = [""], 0, ""
    for character in text:
        if quoted or character in "\"'":
            quoted = "" if character == quoted else quoted or character
        depth += (character in "[(") - (character in "])") if not quoted else 0
        if character == "|" and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def members(node: ast.expr) -> list[ast.expr]:
    """Return the members of a union."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*members(node.left), *members(node.right)]
    return [node]


def arguments(node: ast.Subscript) -> list[ast.expr]:
    """Return what stands between the brackets of a generic type."""
    is_tuple = isinstance(node.slice, ast.Tuple) and node.slice.elts
    return node.slice.elts if is_tuple else [node.slice]  # type: ignore[attr-defined]


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return annotation(text)
        case ast.Constant(value=value):
            return "..." if value is ... else repr(value)
        case ast.Name(id=name):
            return SPELLINGS.get(name, name)
        case ast.Attribute():
            return _dotted(node)
        case ast.BinOp(op=ast.BitOr()):
            return union([_text(each) for each in members(node)])
        case ast.Subscript():
            return _generic(_text(node.value), arguments(node))
        case ast.List(elts=elements):
            return f"[{', '.join(map(_text, elements))}]"
        case ast.Starred(value=value):
            return f"Unpack[{_text(value)}]"
    return ast.unparse(node)


def _generic(name: str, inside: list[ast.expr]) -> str:
    if name == "Literal":
        return f"Literal[{', '.join(map(_literal, inside))}]"
    if name in ("Annotated", "InitVar"):
        return _text(inside[0])
    texts = [_text(each) for each in inside]
    if name == "Optional":
        return union([*texts, "None"])
    if name == "Union":
        return union(texts)
    return f"{name}[{', '.join(texts)}]"


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return quote(node.value)
    return _dotted(node) if isinstance(node, ast.Attribute) else ast.unparse(node)


def _dotted(node: ast.Attribute) -> str:
    """Return a dotted name with the package of it, but without the modules inside.

    Names of modules are in lower case.
    """
    *owners, name = ast.unparse(node).split(".")
    classes = [owner for owner in owners if owner.lstrip("_")[:1].isupper()]
    package = [each for each in owners[:1] if each not in (*BARE, *classes)]
    return ".".join([*package, *classes, name if package else SPELLINGS.get(name, name)])
