"""The modules of a service: what each defines and imports."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tpgen.core.errors import UserError

from . import trees


@dataclass(frozen=True, eq=False)
class Module:
    """A module of the service.

    Attributes:
        path: its file.
        folder: the parent of its top-level package.
        text: its content, if the file is not written yet.
    """

    path: Path
    folder: Path
    text: bytes | None = None

    @property
    def name(self) -> str:
        """Return its dotted name."""
        parts = self.path.relative_to(self.folder).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def tree(self) -> ast.Module:
        """Return its syntax tree.

        Raises:
            UserError: it can't be read.
        """
        try:
            return ast.parse(self.path.read_bytes() if self.text is None else self.text)
        except (OSError, SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            root = self.folder.parent if self.folder.name == "src" else self.folder
            raise UserError(
                f"{self.path.relative_to(root)}:{line} can't be read "
                f"({getattr(error, 'msg', error)}): correct it, then run the same command again"
            ) from None

    @property
    def is_readable(self) -> bool:
        """Return whether it can be parsed."""
        try:
            return bool(self.tree)
        except UserError:
            return False

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Return what it defines at the top, by name; the last definition counts."""
        return {name: node for node in trees.statements(self.tree) for name in trees.names(node)}

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Return what it imports at the top: name to module and name there (empty for a module)."""
        found = {}
        for node in trees.statements(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.partition(".")[0]] = (alias.name, "")
            elif isinstance(node, ast.ImportFrom):
                origin = self._absolute(node)
                found |= {alias.asname or alias.name: (origin, alias.name) for alias in node.names}
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") + ["self"] * (self.path.stem == "__init__")
        return ".".join([*package[: -node.level], *([node.module] if node.module else [])])
