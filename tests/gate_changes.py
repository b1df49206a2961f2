"""Changes to a rendered service, each with the rules of the gate that it breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

AGENTS, CHAT = "src/gateway/api/agents.py", "src/gateway/api/chat.py"
AUDIT, DATABASE, OPENAI = "src/gateway/audit.py", "src/gateway/database.py", "src/gateway/openai.py"
TEST_AGENTS = "tests/integration/api/test_agents.py"
TEST_AUDIT, TEST_APP = "tests/integration/test_audit.py", "tests/integration/test_app.py"
TEST_OPENAI, TEST_CHAT = "tests/unit/test_openai.py", "tests/integration/api/test_chat.py"
SHAPES = "tests/integration/api/__snapshots__/test_agents.ambr"
SLUG, TEST_SLUG = "src/gateway/slug.py", "tests/unit/test_slug.py"
SLUG_CODE = '''"""Short names."""


def slug(text: str) -> str:
    """Return a text as a part of a URL."""
    if not text.strip():
        raise ValueError("the text is empty")
    return "-".join(text.lower().split())
'''
SLUG_TESTS = '''"""Short names."""

import pytest

from gateway.slug import slug


def test_joins_the_words() -> None:
    assert slug("An Agent") == "an-agent"


def test_refuses_an_empty_text() -> None:
    with pytest.raises(ValueError):
        slug(" ")
'''
ONE_OF_TWO = (
    SLUG_TESTS.partition("\n\n\ndef test_refuses")[0].replace("import pytest\n\n", "") + "\n"
)
# Twenty statements, of which a test runs all but three.
LONG = '"""Numbers."""\n\n\ndef number(kind: str) -> int:\n    total = 0\n' + "".join(
    "    total += 1\n" for _ in range(11)
)
LONG += '    if kind == "never":\n        total -= 1\n        total -= 1\n        total -= 1\n'
LONG += "    total += 1\n    total += 1\n    return total\n"
NEW_ROUTE = '''

@router.get("/{agent_id}/label")
async def read_label(agent_id: UUID, caller: CurrentAgent, session: DatabaseSession) -> str:
    """Return the label of an agent."""
    agent = await session.get(Agent, agent_id)
    if agent is None or agent.tenant_id != caller.tenant_id:
        raise HTTPException(403, "this agent belongs to another tenant")
    return agent.label
'''
UNGUARDED = NEW_ROUTE.replace(
    """    agent = await session.get(Agent, agent_id)
    if agent is None or agent.tenant_id != caller.tenant_id:
        raise HTTPException(403, "this agent belongs to another tenant")
    return agent.label
""",
    "    return (await session.get_one(Agent, agent_id)).label\n",
)
LABEL_TESTS = """

class TestReadLabel(RouteSuite):
    method = "GET"
    malformed = [{"url": f"{PATH}/no-uuid/label"}]

    @pytest.fixture
    def url(self, agent: Agent) -> str:
        return f"{PATH}/{agent.id}/label"
"""
LABEL_SHAPE = """\
# name: TestReadLabel.test_happy_path
  'the calling agent'
# ---
"""
DEPTH = '''

async def events_of(session: AsyncSession, tenant_id: UUID) -> int:
    """Return how many events a tenant has."""
    query = select(func.count()).select_from(AuditEvent).filter_by(tenant_id=tenant_id)
    return await session.scalar(query) or 0
'''
COUNTED = """

async def test_counts_the_events_of_a_tenant(db: AsyncSession, agent: Agent) -> None:
    await record("agent.created", agent.tenant_id)
    assert await events_of(db, agent.tenant_id) == 1
"""
COUNTING = {
    "from .database import Session": "from sqlalchemy import func, select\n"
    "from sqlalchemy.ext.asyncio import AsyncSession\n\nfrom .database import Session"
}
IMPORTED = {"from gateway.audit import record": "from gateway.audit import events_of, record"}
KEEPS = "async def test_the_longest_label_is_kept("
ASSERTED = 'assert made.json()["label"] == 200 * "x"'
ORDER = "async def test_the_pages_together_are_all_agents("
LISTS = """\
    async def test_the_pages_together_are_all_agents("""
EXEMPT = """

[[tool.tpgen.exempt]]
case = "{case}"
reason = "it will be written later"
until = {until}
"""
LATER, OVER = date.today() + timedelta(days=30), "2026-01-31"
SKIP = "    @pytest.mark.skip(reason={reason!r})\n    "
HELPER = """
def check_label(response: httpx.Response, label: str) -> None:
    assert response.json()["label"] == label


class TestCreateAgent"""
SHAPE_OLD = "    'created_at': '<time>',\n    'id': '<id>',\n    'key': '<key>',\n"
SHAPE_NEW = (
    "    'created_at': '<time>',\n    'id': '<id>',\n    'key': '<key>',\n    'kind': 'agent',\n"
)
KIND = {
    '    """A new agent with its key, which is shown only once."""\n\n    key: str\n': '    """A new '
    'agent with its key, which is shown only once."""\n\n    key: str\n    kind: str = "agent"\n'
}
KIND_TEST = """    async def test_a_new_agent_has_a_kind(
        self, client: httpx.AsyncClient, auth: dict[str, str]
    ) -> None:
        made = await client.post(PATH, headers=auth, **self.valid)
        assert made.json()["kind"] == "agent"

    async def test_the_longest_label_is_kept("""
STREAMED = '''    async def ping(self) -> bool:
        """Return whether the upstream answers."""
        response = await self.http.get(self.url, headers=self.headers)
        return response.is_success

    async def complete('''
PING = """

async def test_pings() -> None:
    assert await client_of(Upstream(reply("hi"))).ping()
"""
LAST_AGENT = '    return {"data": page, "next": page[-1].id if len(agents) > limit else None}\n'
LAST_TEST = "        assert listed == sorted(str(row.id) for row in (agent, *made))\n"
LAST_EVENT = "        await db.execute(text(change))\n"
RECORDED = "        session.add(AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail))\n"
COVERAGE = "--cov-context=test", "--cov", "--cov-report=term"


@dataclass(frozen=True)
class Seeded:
    """A change, and what the gate must say about it.

    Attributes:
        title: what the change does.
        expected: the codes of the errors, separated by spaces; empty if it is compliant.
        replaced: by file, what takes the place of what.
        written: new files.
        appended: what is added at the end of files.
        removed: files.
        later: texts that are appended to files after the run.
        run: the options of the run; empty if there is none.
        is_base_known: whether the gate gets the coverage and the census of the base.
    """

    title: str
    expected: str = ""
    replaced: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    appended: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[str] = ()
    later: Mapping[str, str] = field(default_factory=dict)
    run: Sequence[str] = ("--census", *COVERAGE)
    is_base_known: bool = True


def _skipped(reason: str) -> Mapping[str, Mapping[str, str]]:
    return {TEST_AGENTS: {f"    {KEEPS}": f"{SKIP.format(reason=reason)}{KEEPS}"}}


GOOD = (
    Seeded("edits the README, without a run", appended={"README.md": "\nMore.\n"}, run=()),
    Seeded("adds a comment to a covered file", appended={AUDIT: "# The end.\n"}),
    Seeded(
        "adds a module and tests of all of it", written={SLUG: SLUG_CODE, TEST_SLUG: SLUG_TESTS}
    ),
    Seeded(
        "adds a module with a name that is not ASCII",
        written={
            "src/gateway/größe.py": SLUG_CODE,
            TEST_SLUG: SLUG_TESTS.replace("gateway.slug", "gateway.größe"),
        },
    ),
    Seeded(
        "adds a function to the audit log, and an integration test",
        replaced={AUDIT: COUNTING, TEST_AUDIT: IMPORTED},
        appended={AUDIT: DEPTH, TEST_AUDIT: COUNTED},
    ),
    Seeded(
        "edits a line that integration tests run",
        replaced={
            AUDIT: {
                RECORDED: RECORDED.replace("kind=kind, ", "").replace(
                    "detail=detail", "detail=detail, kind=kind"
                )
            }
        },
    ),
    Seeded(
        "adds a route with its suite and its snapshot",
        appended={AGENTS: NEW_ROUTE, TEST_AGENTS: LABEL_TESTS, SHAPES: LABEL_SHAPE},
    ),
    Seeded(
        "adds a field to a response, its snapshot and an assertion",
        replaced={
            AGENTS: KIND,
            SHAPES: {SHAPE_OLD: SHAPE_NEW},
            TEST_AGENTS: {f"    {KEEPS}": KIND_TEST},
        },
    ),
    Seeded(
        "renames a module",
        removed=["src/gateway/idempotency.py"],
        written={"src/gateway/once.py": "@src/gateway/idempotency.py"},
        replaced={CHAT: {"gateway.idempotency": "gateway.once"}},
    ),
    Seeded(
        "moves a test file",
        removed=[TEST_AUDIT],
        written={"tests/integration/test_audit_log.py": f"@{TEST_AUDIT}"},
    ),
    Seeded(
        "moves an assertion to a helper",
        replaced={
            TEST_AGENTS: {
                ASSERTED: 'check_label(made, 200 * "x")',
                "\nclass TestCreateAgent": HELPER,
            }
        },
    ),
    Seeded("skips a flaky test, with an issue", replaced=_skipped("flaky, see #12")),
    Seeded(
        "deletes a test that proves no required case",
        replaced={
            TEST_AUDIT: {
                '@pytest.mark.parametrize(\n    "change",\n    ["update audit_events set kind = \'\'", '
                '"delete from audit_events", "truncate audit_events"],\n)\nasync def '
                "test_the_database_refuses_to(change: str, db: AsyncSession) -> None:\n    await "
                "AuditEventFactory.create(session=db)\n    with pytest.raises(DBAPIError, "
                'match="append-only"):\n        await db.execute(text(change))\n': "",
            }
        },
    ),
    Seeded(
        "edits a file that `[[tool.tpgen.exclude]]` leaves out",
        appended={
            "pyproject.toml": '\n[[tool.tpgen.exclude]]\npath = "src/gateway/migrations/**"\n'
            'reason = "generated"\n',
            "src/gateway/migrations/env.py": "# The end.\n",
        },
    ),
    Seeded("adds an empty package", written={"src/gateway/api/v2/__init__.py": ""}),
    Seeded("adds a script outside the source", written={"scripts/load.py": "print('loading')\n"}),
    Seeded(
        "exempts a case of a route for some days, in the change that edits the route",
        replaced={
            AGENTS: {
                "    if agent is None:\n        raise HTTPException(404": "    if not agent:\n        raise HTTPException(404"
            },
        },
        appended={
            "pyproject.toml": EXEMPT.format(
                case="TestReadAgent.test_403_with_the_key_of_another_tenant", until=LATER
            )
        },
    ),
    Seeded(
        "changes an import that only type checkers run",
        replaced={AUDIT: {"from typing import Any\n": "from typing import TYPE_CHECKING, Any\n"}},
        appended={
            AUDIT: "\nif TYPE_CHECKING:  # pragma: no cover\n    from decimal import Decimal\n"
        },
    ),
    Seeded(
        "edits a setting at the top of a module whose functions integration tests run",
        replaced={"src/gateway/app.py": {"UPSTREAM_TIMEOUT = 60.0": "UPSTREAM_TIMEOUT = 30.0"}},
    ),
    Seeded(
        "edits a condition of a route whose both ways run",
        replaced={
            AGENTS: {"    if agent is None:\n": "    if agent is None or not agent.label:\n"},
        },
    ),
    Seeded(
        "adds a test without a change of the source",
        written={
            "tests/unit/test_more.py": "def test_adds() -> None:\n    assert sum([1, 2]) == 3\n"
        },
    ),
    Seeded(
        "adds a contract test, which plain pytest does not run",
        written={
            "tests/contract/test_more.py": "async def test_lives() -> None:\n    assert False\n"
        },
    ),
)

BAD = (
    Seeded("adds a module without a test", "TPG601", written={SLUG: SLUG_CODE}),
    Seeded(
        "adds a module whose error no test raises",
        "TPG601",
        written={SLUG: SLUG_CODE, TEST_SLUG: ONE_OF_TWO},
    ),
    Seeded(
        "adds an untested module beside a large tested one",
        "TPG601",
        written={
            SLUG: SLUG_CODE,
            "src/gateway/numbers.py": LONG.replace('"never"', '"x"'),
            "tests/unit/test_numbers.py": "from gateway.numbers import number\n\n\n"
            "def test_numbers() -> None:\n    assert (number('x'), number('y')) == (10, 13)\n",
        },
    ),
    Seeded(
        "adds a module of which exactly 85 % is covered",
        "TPG601",
        written={
            "src/gateway/numbers.py": LONG,
            "tests/unit/test_numbers.py": "from gateway.numbers import number\n\n\n"
            "def test_numbers() -> None:\n    assert number('x') == 13\n",
        },
    ),
    Seeded(
        "adds an untested function to a file that is well covered as a whole",
        "TPG601",
        appended={
            "src/gateway/__main__.py": '\n\ndef never(text: str) -> str:\n    """No."""\n    '
            "shown = text.title()\n    return shown.strip()\n"
        },
    ),
    Seeded(
        "edits a comment of a file below the target",
        "TPG602",
        appended={"src/gateway/migrations/env.py": "# The end.\n"},
    ),
    Seeded(
        "deletes the tests of the commands",
        "TPG603",
        removed=["tests/integration/test_commands.py"],
    ),
    Seeded(
        "adds a function to the database module, with a unit test only",
        "TPG604",
        appended={
            DATABASE: '\n\ndef name_of(url: str) -> str:\n    """Return the database."""\n'
            '    return url.rpartition("/")[2]\n'
        },
        written={
            "tests/unit/test_names.py": "from gateway.database import name_of\n\n\n"
            "def test_names() -> None:\n    assert name_of('a/b') == 'b'\n"
        },
    ),
    Seeded(
        "adds a request to the upstream, with a unit test only",
        "TPG604",
        replaced={OPENAI: {"    async def complete(": STREAMED}},
        appended={TEST_OPENAI: PING},
    ),
    Seeded(
        "adds a function to the audit log, whose integration test is skipped",
        "TPG601 TPG604",
        replaced={AUDIT: COUNTING, TEST_AUDIT: IMPORTED},
        appended={
            AUDIT: DEPTH,
            TEST_AUDIT: COUNTED.replace("\n\nasync", '\n\n@pytest.mark.skip(reason="slow")\nasync'),
        },
    ),
    Seeded(
        "adds a function to the audit log, whose integration test fails",
        "TPG604",
        replaced={AUDIT: COUNTING, TEST_AUDIT: IMPORTED},
        appended={AUDIT: DEPTH, TEST_AUDIT: COUNTED.replace("== 1", "== 2")},
    ),
    Seeded(
        "omits the audit log from the coverage, and edits it",
        "TPG604",
        replaced={
            "pyproject.toml": {
                'source = ["src/gateway"]': 'source = ["src/gateway"]\nomit = ["**/audit.py"]'
            }
        },
        appended={AUDIT: "# The end.\n"},
    ),
    Seeded(
        "mounts a router a second time, below another prefix",
        "TPG605",
        replaced={
            "src/gateway/app.py": {
                '    app.add_api_route("/healthz", _healthz)': "    app.include_router(\n"
                '        agents.router, prefix="/old", dependencies=[Depends(current_agent)]\n'
                '    )\n    app.add_api_route("/healthz", _healthz)'
            }
        },
    ),
    Seeded("adds a route without a test", "TPG601 TPG604 TPG605", appended={AGENTS: NEW_ROUTE}),
    Seeded(
        "adds a route without tenants, so that its 403 fails",
        "TPG605",
        replaced={AGENTS: {LAST_AGENT: LAST_AGENT + UNGUARDED}},
        appended={TEST_AGENTS: LABEL_TESTS, SHAPES: LABEL_SHAPE},
    ),
    Seeded(
        "replaces a suite by a single test",
        "TPG606",
        replaced={TEST_APP: {"class TestHealthz(PublicRouteSuite)": "class TestHealthz"}},
    ),
    Seeded(
        "replaces a suite, and the census of the base is not known",
        "TPG606",
        replaced={TEST_APP: {"class TestHealthz(PublicRouteSuite)": "class TestHealthz"}},
        is_base_known=False,
    ),
    Seeded(
        "exempts a case of a route that it does not change",
        "TPG606",
        appended={
            "pyproject.toml": EXEMPT.format(
                case="TestReadAgent.test_403_with_the_key_of_another_tenant", until=LATER
            )
        },
    ),
    Seeded(
        "adds a file, and omits it in the settings of coverage",
        "TPG601",
        written={"src/gateway/_version.py": "def version() -> str:\n    return '1'\n"},
        replaced={
            "pyproject.toml": {
                'source = ["src/gateway"]': 'source = ["src/gateway"]\nomit = ["**/_version.py"]'
            }
        },
    ),
    Seeded(
        "exempts a case of a route, and the census of the base is not known",
        "TPG606",
        appended={
            "pyproject.toml": EXEMPT.format(
                case="TestReadAgent.test_403_with_the_key_of_another_tenant", until=LATER
            )
        },
        is_base_known=False,
    ),
    Seeded(
        "removes the only assertion of a test",
        "TPG607",
        replaced={TEST_AGENTS: {ASSERTED: "made.json()"}},
    ),
    Seeded("skips a test without a reason", "TPG607", replaced=_skipped("later")),
    Seeded("skips a flaky test without an issue", "TPG607", replaced=_skipped("flaky")),
    Seeded(
        "skips a whole file",
        "TPG607",
        replaced={
            TEST_AUDIT: {
                "from tests.factories import AuditEventFactory\n": 'from tests.factories import AuditEventFactory\n\npytestmark = pytest.mark.skip("later")\n'
            }
        },
    ),
    Seeded(
        "adds a field to a response, and updates the snapshot only",
        "TPG608",
        replaced={AGENTS: KIND, SHAPES: {SHAPE_OLD: SHAPE_NEW}},
    ),
    Seeded(
        "updates a snapshot, with an assertion about another route",
        "TPG608",
        replaced={
            AGENTS: KIND,
            SHAPES: {SHAPE_OLD: SHAPE_NEW},
            TEST_AGENTS: {LAST_TEST: LAST_TEST + '        assert pages[0]["next"]\n'},
        },
    ),
    Seeded(
        "sets an exemption to a day that is over",
        "TPG609",
        appended={"pyproject.toml": EXEMPT.format(case="TestGone.test_happy_path", until=OVER)},
    ),
    Seeded("edits a file, without a run", "TPG600", appended={AUDIT: "# The end.\n"}, run=()),
    Seeded("edits a file after the run", "TPG600", later={AUDIT: "# The end.\n"}),
    Seeded("adds a file after the run", "TPG600", later={"tests/unit/test_late.py": "X = 1\n"}),
    Seeded(
        "runs only a part of the tests",
        "TPG600",
        appended={AUDIT: "# The end.\n"},
        run=("--census", *COVERAGE, "-k", "not chat"),
    ),
    Seeded(
        "runs the tests without coverage",
        "TPG600",
        appended={AUDIT: "# The end.\n"},
        run=("--census",),
    ),
    Seeded(
        "runs the tests without contexts",
        "TPG600",
        appended={AUDIT: "# The end.\n"},
        run=("--census", "--cov", "--cov-report=term"),
    ),
    Seeded(
        "replaces the coverage data after the run",
        "TPG600",
        appended={AUDIT: "# The end.\n"},
        later={".coverage": ""},
    ),
)
