"""What a service's own app says of a route: how to ask it rightly, and how wrongly."""

import ast
import difflib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tpgen.errors import Misuse
from tpgen.service import Service

from . import values

PROBE = Path(__file__).parents[1] / "probes" / "app.py"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")

Request = dict[str, Any]
Place = tuple[str | int, ...]

_AUTH_PARAMETER = re.compile(
    r"(x-)?(authorization|api-?key|((auth|access|session|id|bearer)-?)?token|auth(-.*)?)|session(-?id)?",
)
_AUTH_NAME = re.compile(
    r"(^|_)(auth(ed|n|z)?|authenticat\w*|authori[sz]\w*|oauth\w*|api_?key|access_token|credentials"
    r"|jwt|bearer|principal|permissions?|logged_in|login_required|require[sd]?|verify_token|token"
    r"|(current|active)_(?!settings|time|request|session|app|config|date)\w+)(_|$)"
)
_KEY = re.compile(r"idempotency[-_]key", re.IGNORECASE)


@dataclass(frozen=True)
class Route:
    """The facts of one route. A request is what httpx takes, beside method, URL and credentials.

    Attributes:
        method: such as `POST`.
        path: as the app has it, such as `/v1/agents/{agent_id}`.
        url: the path with a valid value for each parameter.
        status: the first documented status of success.
        secured: whether it seems to ask for credentials.
        idempotent: whether it, or what it depends on, knows an `Idempotency-Key`.
        name: that of the function behind it.
        module: where that is.
        tag: its first tag, or an empty text.
        valid: a request that is well formed.
        other: another one with a body unlike the first, or None.
        malformed: requests to refuse with 422; `url` is in those whose path is wrong.
        path_parameters: the schema of each parameter of the path.
        references: where the body of `valid` must name a row that exists.
        path_references: the parameters of the path that must name one.
    """

    method: str
    path: str
    url: str
    status: int
    secured: bool
    idempotent: bool
    name: str
    module: str
    tag: str
    valid: Request
    other: Request | None
    malformed: list[Request]
    path_parameters: dict[str, values.Schema]
    references: list[Place]
    path_references: list[str]


@dataclass(frozen=True)
class App:
    """A service's app.

    Attributes:
        document: its OpenAPI document.
        facts: what that leaves out, by method and path.
    """

    document: Mapping[str, Any]
    facts: Mapping[tuple[str, str], Mapping[str, Any]]

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of each documented route."""
        return [
            (method.upper(), path)
            for path, operations in self.document.get("paths", {}).items()
            for method in operations
            if method.upper() in METHODS
        ]

    def find(self, method: str, path: str) -> Route | None:
        """The route with this method and path, however its parameters are called.

        Raises:
            Misuse: this is no HTTP method, or no path.
        """
        method = _checked(method, path)
        known = {_plain(one): one for way, one in self.routes if way == method}
        turned = path.rstrip("/") if path.endswith("/") else f"{path}/"
        for wanted in (_plain(path), _plain(turned)):
            if wanted in known:
                fact = self.facts.get((method, known[wanted]), {})
                return _Reader(self.document, method, known[wanted], fact).route()
        return None

    def nearest(self, method: str, path: str) -> list[str]:
        """Up to three routes with a name like this, such as `POST /v1/agents`."""
        names = [" ".join(route) for route in self.routes]
        return difflib.get_close_matches(f"{method.upper()} {path}", names)


def read(service: Service) -> App:
    """Ask a service's app for its routes: the fixture `app` of its tests, else one in its source.

    Raises:
        Misuse: there is no app, or it can't be made.
    """
    found: Mapping[str, Any] = {}
    if conftest := _conftest(service):
        found = _probe(service, "fixture", str(conftest.relative_to(service.root)))
    if "routes" not in found:
        found = _probe(service, "module", _app_in_source(service))
    facts = {(fact["method"], fact["path"]): fact for fact in found["routes"]}
    return App(found["openapi"], facts)


def _checked(method: str, path: str) -> str:
    if method.startswith("/") and path.upper() in METHODS:
        raise Misuse(f"the method comes first: `tpgen route {path.upper()} {method}`")
    if method.upper() not in METHODS:
        near = difflib.get_close_matches(method.upper(), METHODS, n=1, cutoff=0.3)
        meant = f": did you mean {near[0]}?" if near else f": take one of {', '.join(METHODS)}"
        raise Misuse(f"{method} is no HTTP method{meant}")
    if not path.startswith("/"):
        raise Misuse(f"a path begins with a slash: `tpgen route {method.upper()} /{path}`")
    return method.upper()


def _plain(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _probe(service: Service, how: str, what: str) -> Mapping[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "facts.json"
        run = service.run(["-B", str(PROBE), str(out), how, what])
        found: dict[str, Any] = json.loads(out.read_text()) if out.exists() else {}
    if "routes" in found or ("error" in found and found["error"] is None):
        return found
    said = found.get("error") or _last_line(run.stderr) or _last_line(run.stdout)
    if how == "fixture":
        raise Misuse(
            f"the app of the tests can't be made with the fixtures of {what}: {said}; make "
            f"`pytest {what}` pass with a test that asks for `app`, and run this again"
        )
    raise Misuse(
        f"{what} can't be made: {said}; if it needs settings, give it those in a fixture `app` of "
        "tests/conftest.py, and run this again"
    )


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E ").strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _conftest(service: Service) -> Path | None:
    """The file of the tests that has the app, or may see it in a plugin."""
    files = [service.root / "conftest.py", *(service.root / "tests").rglob("conftest.py")]
    files = sorted((one for one in files if one.is_file()), key=lambda one: len(one.parts))
    for fixture in ("app", "client"):
        defined = re.compile(rf"\bdef {fixture}\(|name=[\"']{fixture}[\"']")
        for file in files:
            if defined.search(file.read_text(errors="replace")):
                return file
    return files[0] if files else None


def _app_in_source(service: Service) -> str:
    """The name of the app, as `module:name`; it may be a function that makes it.

    Raises:
        Misuse: there is none.
    """
    found = [app for file, module in _modules(service) for app in _apps(file, module)]
    if not found:
        raise Misuse(
            f"found no app in {service.root}: neither a fixture `app` in tests/conftest.py nor "
            "an `app = FastAPI()` in its packages; write that fixture, and run this again"
        )
    return min(found, key=lambda one: (one[0], one[1].count("."), one[1]))[1]


def _modules(service: Service) -> Iterator[tuple[Path, str]]:
    for folder in (service.root, service.root / "src"):
        yield from ((file, file.stem) for file in folder.glob("*.py"))
    for package in service.packages:
        for file in package.rglob("*.py"):
            parts = file.relative_to(package.parent).with_suffix("").parts
            yield file, ".".join(parts).removesuffix(".__init__")


def _apps(file: Path, module: str) -> Iterator[tuple[bool, str]]:
    """The apps of a module, and whether each is a function to call."""
    text = file.read_text(errors="replace")
    if "FastAPI" not in text and "Starlette" not in text:
        return
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return
    bases = {"FastAPI", "Starlette"}
    for statement in statements:
        if isinstance(statement, ast.ClassDef) and {_end(base) for base in statement.bases} & bases:
            bases.add(statement.name)
        for name in _made(statement, bases):
            yield False, f"{module}:{name}"
        if isinstance(statement, ast.FunctionDef) and _makes(statement, bases):
            yield True, f"{module}:{statement.name}"


def _made(statement: ast.AST, classes: set[str]) -> list[str]:
    """The names that a statement gives to a new app."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return []
    if not isinstance(statement.value, ast.Call) or _end(statement.value.func) not in classes:
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _makes(function: ast.FunctionDef, classes: set[str]) -> bool:
    arguments = function.args
    required = len(arguments.posonlyargs + arguments.args) - len(arguments.defaults)
    if required or None in arguments.kw_defaults:
        return False
    if function.returns and _end(function.returns) in classes:
        return True
    nodes = list(ast.walk(function))
    made = {name for node in nodes for name in _made(node, classes)}
    for node in nodes:
        if isinstance(node, ast.Return) and node.value is not None:
            is_new = isinstance(node.value, ast.Call) and _end(node.value.func) in classes
            if is_new or _end(node.value) in made:
                return True
    return False


def _end(node: ast.expr) -> str:
    """The last part of a dotted name."""
    if isinstance(node, ast.Constant):
        return str(node.value).rpartition(".")[2]
    return ast.unparse(node).rpartition(".")[2]


@dataclass(frozen=True)
class _Parameter:
    """One value of a request that travels as text, or a file.

    Attributes:
        place: `path`, `query`, `header`, `cookie`, or `data` and `files` for a form.
    """

    name: str
    place: str
    required: bool
    schema: values.Schema
    document: Mapping[str, Any]

    @cached_property
    def valid(self) -> Any:
        if self.place == "files":
            return (f"{self.name}.txt", b"hello")
        return values.valid(self.schema, self.document, self.name)

    @property
    def is_secret(self) -> bool:
        """Whether the fixtures of the tests give it, as a credential or a key of the request."""
        name = self.name.lower().replace("_", "-")
        if self.place == "query":
            return name in {"api-key", "access-token"}
        is_auth = self.place in ("header", "cookie") and bool(_AUTH_PARAMETER.fullmatch(name))
        return is_auth or (self.is_idempotency_key and not self.required)

    @property
    def is_idempotency_key(self) -> bool:
        return self.place == "header" and bool(_KEY.fullmatch(self.name))

    def put(self, request: Request, value: Any) -> Request:
        """The request with this value."""
        if self.place in ("header", "cookie"):
            value = _text(value)
        return _with(request, self.argument, self.name, value)

    @property
    def argument(self) -> str:
        """The part of a request that it is in."""
        parts = {"query": "params", "header": "headers", "cookie": "cookies"}
        return parts.get(self.place, self.place)

    def malformed(self, request: Request) -> Iterator[Request]:
        """The requests in which this one alone is wrong."""
        if self.place == "files":
            return
        for violation in values.violations(self.schema, self.document, self.valid, self.name):
            if self._is_sent(violation.value) and self._stays_wrong(violation):
                yield self.put(request, violation.value)

    def _is_sent(self, value: Any) -> bool:
        """Whether this place can carry it."""
        if value == [] or (value == "" and self.place in ("data", "path", "cookie")):
            return False
        text = _text(value)
        if self.place in ("header", "cookie"):
            return text.isascii() and text.replace("\t", "").isprintable()
        return self.place != "path" or ("/" not in text and text not in (".", ".."))

    def _stays_wrong(self, violation: values.Violation) -> bool:
        """Whether it is wrong as text too: "7" is a fine number, and each list has a first item."""
        value = violation.value
        innermost = value[0] if isinstance(value, list) else value
        if violation.why == "type":
            return isinstance(innermost, str) and not values.accepts(
                self.schema, self.document, [value]
            )
        if isinstance(innermost, str):
            return True
        # Also a number beyond its bounds, unless any text will do.
        return not values.accepts(self.schema, self.document, "any text")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _with(request: Request, argument: str, name: str, value: Any) -> Request:
    return {**request, argument: {**request.get(argument, {}), name: value}}


def _without(request: Request, parameter: _Parameter) -> Request:
    held = request.get(parameter.argument, {})
    rest = {name: value for name, value in held.items() if name != parameter.name}
    others = {key: value for key, value in request.items() if key != parameter.argument}
    return {**others, parameter.argument: rest} if rest else others


def _sent(request: Request) -> Request:
    """The request with its cookies as a header: httpx wants them on the client else."""
    if "cookies" not in request:
        return request
    pairs = "; ".join(f"{name}={value}" for name, value in request["cookies"].items())
    rest = {key: value for key, value in request.items() if key != "cookies"}
    return _with(rest, "headers", "Cookie", pairs)


@dataclass(frozen=True)
class _Reader:
    """One operation of a document."""

    document: Mapping[str, Any]
    method: str
    path: str
    fact: Mapping[str, Any]

    def route(self) -> Route:
        in_path = [one for one in self.parameters if one.place == "path"]
        return Route(
            method=self.method,
            path=self.path,
            url=self.url({}),
            status=self.status,
            secured=self.secured,
            idempotent=self.idempotent,
            name=self.fact.get("name", ""),
            module=self.fact.get("module", ""),
            tag=next(iter(self.operation.get("tags", ())), ""),
            valid=_sent(self.valid),
            other=self.other and _sent(self.other),
            malformed=_distinct(map(_sent, self.malformed())),
            path_parameters={one.name: one.schema for one in in_path},
            references=self.references,
            path_references=[
                one.name for one in in_path if self._is_reference(one.name, one.schema)
            ],
        )

    @property
    def operation(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["paths"][self.path][self.method.lower()]
        return found

    @property
    def status(self) -> int:
        stated = [code for code in self.operation.get("responses", ()) if re.match(r"2\d\d$", code)]
        return int(stated[0]) if stated else 200

    @property
    def secured(self) -> bool:
        stated = self.operation.get("security", self.document.get("security", []))
        if any(stated) or any(
            one.is_secret and not one.is_idempotency_key for one in self.parameters
        ):
            return True
        names = (
            re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
            for name in self.fact.get("dependencies", ())
        )
        return any(_AUTH_NAME.search(name.lower()) for name in names)

    @property
    def idempotent(self) -> bool:
        found = self.fact.get("idempotent") or any(
            one.is_idempotency_key for one in self.parameters
        )
        return bool(found)

    @cached_property
    def parameters(self) -> list[_Parameter]:
        stated = [
            *self.document["paths"][self.path].get("parameters", ()),
            *self.operation.get("parameters", ()),
        ]
        resolved = [values.resolved(one, self.document) for one in stated]
        return [
            _Parameter(
                one["name"],
                one["in"],
                one.get("required", False),
                one.get("schema", {}),
                self.document,
            )
            for one in resolved
        ]

    @cached_property
    def form(self) -> list[_Parameter]:
        """The fields of a form."""
        if not self.media_type.startswith(("multipart/", "application/x-www-form-urlencoded")):
            return []
        schema = values.resolved(self.body, self.document)
        return [
            _Parameter(
                name,
                _field_place(values.resolved(field, self.document)),
                name in schema.get("required", ()),
                field,
                self.document,
            )
            for name, field in schema.get("properties", {}).items()
        ]

    @cached_property
    def _content(self) -> Mapping[str, Any]:
        body = values.resolved(self.operation.get("requestBody", {}), self.document)
        content: Mapping[str, Any] = body.get("content", {})
        return content

    @property
    def media_type(self) -> str:
        """That of the body, JSON where there is a choice, or an empty text."""
        return next(iter(sorted(self._content, key=lambda one: not _is_json(one))), "")

    @property
    def body(self) -> values.Schema:
        """The schema of the body, with the examples that its media type has."""
        media = self._content[self.media_type]
        named = [one["value"] for one in media.get("examples", {}).values() if "value" in one]
        examples = [*([media["example"]] if "example" in media else []), *named]
        schema: values.Schema = media.get("schema", {})
        return {"allOf": [schema], "examples": examples} if examples else schema

    @cached_property
    def json(self) -> Any:
        """The valid body, where it is JSON."""
        return values.valid(self.body, self.document, "body") if _is_json(self.media_type) else None

    @cached_property
    def valid(self) -> Request:
        request: Request = {}
        for one in [*self.parameters, *self.form]:
            if one.required and not one.is_secret and one.place != "path":
                request = one.put(request, one.valid)
        if _is_json(self.media_type):
            return {"json": self.json, **request}
        if self.media_type and not self.form:
            request = _with(request, "headers", "Content-Type", self.media_type)
            return {"content": b"hello", **request}
        return request

    @property
    def other(self) -> Request | None:
        if self.form:
            return next(filter(None, map(self._other_field, self.form)), None)
        if not _is_json(self.media_type):
            return {**self.valid, "content": b"another"} if "content" in self.valid else None
        body = values.other(self.body, self.document, self.json)
        return None if body is None else {**self.valid, "json": body}

    def _other_field(self, field: _Parameter) -> Request | None:
        if field.place == "files" or not field.required:
            return None
        value = values.other(field.schema, self.document, field.valid)
        return None if value is None else field.put(self.valid, value)

    def malformed(self) -> Iterator[Request]:
        if _is_json(self.media_type):
            for violation in values.violations(self.body, self.document, self.json):
                yield {**self.valid, "json": violation.value}
            rest = {key: value for key, value in self.valid.items() if key != "json"}
            rest = _with(rest, "headers", "Content-Type", self.media_type)
            yield {"content": b"{", **rest}
        for one in [*self.form, *self.parameters]:
            if one.place == "path":
                wrong = one.malformed({})
                yield from ({**self.valid, "url": self.url(each["path"])} for each in wrong)
                continue
            if one.required and not one.is_secret:
                yield _without(self.valid, one)
            if not one.is_secret or one.is_idempotency_key:
                yield from one.malformed(self.valid)
        if (
            self.form
            and values.resolved(self.body, self.document).get("additionalProperties") is False
        ):
            yield _with(self.valid, "data", "unknown", "1")

    def url(self, wrong: Mapping[str, Any]) -> str:
        path = self.path
        for one in self.parameters:
            if one.place == "path":
                text = quote(_text(wrong.get(one.name, one.valid)), safe="")
                path = path.replace(f"{{{one.name}}}", text)
        return path

    @property
    def references(self) -> list[Place]:
        if not _is_json(self.media_type):
            return []
        places = values.places(self.body, self.document, self.json)
        return [
            place
            for place, schema in places
            if place and self._is_reference(str(place[-1]), schema)
        ]

    def _is_reference(self, name: str, schema: values.Schema) -> bool:
        flat = values.resolved(schema, self.document)
        is_id = flat.get("type") == "integer" or str(flat.get("format")).startswith("uuid")
        return is_id and values.names_a_row(name)


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].endswith(("/json", "+json"))


def _field_place(schema: values.Schema) -> str:
    schema = schema.get("items", schema)
    is_file = (
        schema.get("format") == "binary"
        or schema.get("contentMediaType") == "application/octet-stream"
    )
    return "files" if is_file else "data"


def _distinct(requests: Iterable[Request]) -> list[Request]:
    return list({values.source(request): request for request in requests}.values())
