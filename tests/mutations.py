"""Ways to break the starter on purpose, and the tests of its suite that must tell of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

SRC = "src/gateway"
PYPROJECT = "pyproject.toml"
AGENTS = f"{SRC}/api/agents.py"
APP = f"{SRC}/app.py"
AUDIT = f"{SRC}/audit.py"
AUTH = f"{SRC}/auth.py"
CHAT = f"{SRC}/api/chat.py"
DEPENDENCIES = f"{SRC}/api/dependencies.py"
DETECT_PII = f"{SRC}/pipeline/steps/detect_pii.py"
FACTORIES = "tests/factories.py"
IDEMPOTENCY = f"{SRC}/idempotency.py"
MIGRATION = f"{SRC}/migrations/versions/0001_initial.py"
MODELS = f"{SRC}/models.py"
OPENAI = f"{SRC}/openai.py"
PIPELINE = f"{SRC}/pipeline/__init__.py"
SETTINGS = f"{SRC}/settings.py"
COMMANDS = f"{SRC}/__main__.py"
VAULT = f"{SRC}/vault.py"

TEST_AGENTS = "tests/integration/api/test_agents.py"
TEST_CHAT = ("tests/integration/api/test_chat.py", "tests/integration/pipeline")
TEST_PIPELINE = (*TEST_CHAT, "tests/unit/pipeline")
TEST_APP = (TEST_AGENTS, *TEST_CHAT, "tests/integration/test_app.py")
TEST_AUDIT = "tests/integration/test_audit.py"
TEST_COMMANDS = "tests/integration/test_commands.py"
TEST_IDEMPOTENCY = "tests/integration/test_idempotency.py"
TEST_SCHEMA = "tests/integration/test_schema.py"
TEST_VAULT = "tests/integration/vault"
# The tests that can see a change of a file: to run all of them each time takes twice as long.
SEEN_BY = {
    PYPROJECT: (TEST_AGENTS, *TEST_APP, *TEST_CHAT),
    AGENTS: (TEST_AGENTS,),
    APP: (*TEST_APP, "tests/unit/pipeline"),
    AUDIT: (TEST_AGENTS, TEST_AUDIT, *TEST_CHAT, TEST_VAULT),
    AUTH: (TEST_AGENTS, *TEST_CHAT),
    CHAT: TEST_CHAT,
    COMMANDS: (TEST_COMMANDS,),
    DEPENDENCIES: TEST_CHAT,
    DETECT_PII: TEST_PIPELINE,
    FACTORIES: (TEST_SCHEMA,),
    IDEMPOTENCY: (TEST_IDEMPOTENCY, *TEST_CHAT),
    MIGRATION: (TEST_AUDIT, TEST_SCHEMA, TEST_VAULT),
    MODELS: (TEST_SCHEMA, TEST_VAULT),
    OPENAI: ("tests/unit/test_openai.py", *TEST_CHAT),
    PIPELINE: TEST_PIPELINE,
    SETTINGS: (*TEST_CHAT, TEST_COMMANDS),
    VAULT: (TEST_VAULT, *TEST_CHAT),
}

ROUTES = ("TestChat", "TestCreateAgent", "TestListAgents", "TestReadAgent")
JSON = {"Content-Type": "application/json"}
HELLO = {"role": "user", "content": "hello"}

Edit = tuple[str, str, str]


@dataclass(frozen=True)
class Mutation:
    """One way to break the service.

    Attributes:
        name: what is broken.
        file: where.
        old: what stands there, once.
        new: what stands there instead.
        turns_red: the tests that must fail, and no other, as `Class::test[parameters]`.
        also: further edits that belong to it, as `(file, old, new)`.
        only: what pytest is given to run; the tests that can see the edited files, unless given.
        may_turn_red: tests that see it only where two requests really meet, as they do not on a
            machine that has much else to do.
    """

    name: str
    file: str
    old: str
    new: str
    turns_red: frozenset[str]
    also: tuple[Edit, ...] = ()
    may_turn_red: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()

    @property
    def seen_by(self) -> frozenset[str]:
        """The tests that turn red, or may."""
        return self.turns_red | self.may_turn_red

    @property
    def tests(self) -> list[str]:
        """What pytest is given to run."""
        return list(self.only) or sorted(
            {test for file, *_ in self.edits for test in SEEN_BY[file]}
        )

    @property
    def edits(self) -> Iterator[Edit]:
        yield self.file, self.old, self.new
        yield from self.also


def broken(
    name: str,
    file: str,
    old: str,
    new: str,
    *turns_red: str | Sequence[str],
    also: Sequence[Edit] = (),
    may: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Mutation:
    """A mutation; what turns red is given by name, or as groups of names."""
    groups = ([one] if isinstance(one, str) else one for one in turns_red)
    red = frozenset(chain.from_iterable(groups))
    return Mutation(name, file, old, new, red, tuple(also), frozenset(may), tuple(only))


def of(owner: str, *cases: str) -> list[str]:
    """Several cases of one class."""
    return [f"{owner}::test_{case}" for case in cases]


def on_every_route(case: str) -> list[str]:
    """A case of the route suite, in each class."""
    return [f"{route}::test_{case}" for route in ROUTES]


def malformed(owner: str, **request: object) -> str:
    """The case of a malformed request."""
    return f"{owner}::test_422_on_a_malformed_request[{request}]"


def chat(**fields: object) -> str:
    """The case of a chat request that is malformed by these fields."""
    return malformed("TestChat", json={"model": "m", "messages": [HELLO], **fields})


AUDITED_DETECTIONS = of(
    "TestDetectPIIRequest",
    "post_lands_in_audit_events",
    "each_detection_of_a_message_is_audited",
    "each_message_is_audited",
    "a_long_message_is_screened_to_its_end",
)
NO_NEW_AGENT = of(
    "TestCreateAgent",
    "an_error_quotes_neither_the_upstream_nor_a_key",
    "happy_path",
    "lands_in_audit_events",
    "the_database_holds_nothing_that_is_a_key",
    "the_longest_label_is_kept",
    "the_new_key_works",
)
ONCE = of(
    "TestChat",
    "two_identical_requests_give_one_audit_event",
    "two_at_once_give_one_audit_event",
)

STEP = [
    broken(
        "redaction off",
        PIPELINE,
        'if on_detection == "redact":',
        'if on_detection == "never":',
        of("TestDetectPII", "redacts"),
        of("TestChat", "a_redacted_message_goes_upstream"),
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "redacted where it should only be flagged",
        PIPELINE,
        'if on_detection == "redact":',
        'if on_detection != "block":',
        of("TestDetectPII", "detects"),
    ),
    broken(
        "redacted in a copy",
        PIPELINE,
        "self.user_message = redact",
        "message = redact",
        of("TestDetectPII", "redacts"),
        of("TestChat", "a_redacted_message_goes_upstream"),
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "blocking off",
        PIPELINE,
        'if found and on_detection == "block":',
        'if found and on_detection == "never":',
        of("TestDetectPII", "blocks"),
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
        "test_the_app_reacts_as_its_settings_say",
    ),
    broken(
        "detections never returned",
        DETECT_PII,
        "        return found\n",
        "        return []\n",
        of("TestDetectPII", "detects"),
        "TestDetectPII::test_returns_what_it_found_itself",
    ),
    broken(
        "detections never recorded",
        PIPELINE,
        "        self.detections += found\n",
        "",
        AUDITED_DETECTIONS,
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "only the first step runs",
        PIPELINE,
        "for step in self.steps:",
        "for step in self.steps[:1]:",
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "only the first detection redacted",
        PIPELINE,
        "sorted(found, key=lambda d: (d.start, -d.end)):",
        "sorted(found, key=lambda d: (d.start, -d.end))[:1]:",
        "test_redacts[two]",
        "test_redacts[side by side]",
        "test_redacts[overlapping]",
    ),
    broken(
        "redacted in the order found",
        PIPELINE,
        "sorted(found, key=lambda d: (d.start, -d.end)):",
        "found:",
        "test_redacts[two]",
        "test_redacts[one in another]",
    ),
    broken(
        "the rest of a longer detection left in place",
        PIPELINE,
        "end = max(end, detection.end)",
        "end = detection.start + 1",
        of("TestDetectPII", "redacts"),
        of("TestChat", "a_redacted_message_goes_upstream"),
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "test_each_step_sees_what_the_last_one_left",
        [
            f"test_redacts[{case}]"
            for case in ("two", "side by side", "overlapping", "one in another")
        ],
    ),
    broken(
        "only the first message screened",
        CHAT,
        "for message in body.messages:",
        "for message in body.messages[:1]:",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        of("TestDetectPIIRequest", "each_message_is_audited"),
    ),
    broken(
        "every message screened, whoever wrote it",
        CHAT,
        'if message.role == "user":',
        "if message.role:",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
    ),
    broken(
        "detections not in the audit event",
        CHAT,
        "return await _forward(upstream, agent, body, detections=detections)",
        "return await _forward(upstream, agent, body, detections=[])",
        AUDITED_DETECTIONS,
    ),
    broken(
        "detections not in the audit event of a blocked message",
        CHAT,
        'about = {"model": body.model, "detections": [asdict(detection) for detection in found]}',
        'about = {"model": body.model, "detections": []}',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "a blocked message without an audit event",
        CHAT,
        '        await record("chat.blocked", agent.tenant_id, agent.id, **about)\n',
        "",
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "mail addresses not detected",
        DETECT_PII,
        '    ("email", ',
        '    ("email", "(?!)" ',
        "test_the_backend_finds[jane@example.com-kinds1]",
        AUDITED_DETECTIONS,
        of("TestChat", "a_redacted_message_goes_upstream"),
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
        "test_positions_count_the_characters_of_the_text",
        "test_the_app_reacts_as_its_settings_say",
        "test_the_backend_finds[JANE@EXAMPLE.COM-kinds8]",
        "test_the_backend_finds[Jane <jane@example.com>-kinds10]",
    ),
    broken(
        "phone numbers not detected",
        DETECT_PII,
        '    ("phone", ',
        '    ("phone", "(?!)" ',
        "test_the_backend_finds[call +31 20 123 4567 now-kinds2]",
    ),
    broken(
        "bank accounts not detected",
        DETECT_PII,
        '    ("iban", ',
        '    ("iban", "(?!)" ',
        "test_the_backend_finds[pay to NL91 ABNA 0417 1643 00-kinds3]",
        "test_the_backend_finds[pay to nl91abna0417164300-kinds7]",
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
    ),
    broken(
        "the checksum of a bank account not checked",
        DETECT_PII,
        "% 97 == 1",
        "% 97 >= 0",
        "test_the_backend_finds[pay to NL92 ABNA 0417 1643 00-kinds4]",
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
    ),
    broken(
        "cards not detected",
        DETECT_PII,
        '    ("card", ',
        '    ("card", "(?!)" ',
        "test_the_backend_finds[card 4242 4242 4242 4242-kinds5]",
    ),
    broken(
        "the checksum of a card not checked",
        DETECT_PII,
        "% 10 == 0",
        "% 10 >= 0",
        "test_the_backend_finds[card 4242 4242 4242 4241-kinds6]",
    ),
]

AUDITED = [
    broken(
        "audit event dropped",
        CHAT,
        '    await record("chat.completion", agent.tenant_id, agent.id, **about)\n',
        "",
        ONCE,
        of("TestChat", "lands_in_audit_events"),
        AUDITED_DETECTIONS,
    ),
    broken(
        "audit event of a failure dropped",
        CHAT,
        '        await record("chat.failed", agent.tenant_id, agent.id, status=error.status, **about)\n',
        "",
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
    ),
    broken(
        "audit event written in the transaction that fails",
        CHAT,
        """\
        await record("chat.failed", agent.tenant_id, agent.id, status=error.status, **about)
        # Not the error message of the upstream: it may contain a key or another caller's text.
        raise HTTPException(502, "the upstream gave no usable answer") from error
""",
        """\
        async with Session.begin() as session:
            ids = {"tenant_id": agent.tenant_id, "agent_id": agent.id}
            session.add(AuditEvent(kind="chat.failed", detail=about, **ids))
            await session.flush()
            raise HTTPException(502, str(error)) from error
""",
        of(
            "TestChat",
            "the_audit_event_survives_a_failing_upstream",
            "an_error_quotes_neither_the_upstream_nor_a_key",
        ),
        also=[
            (
                CHAT,
                "from gateway.models import Agent\n",
                "from gateway.database import Session\nfrom gateway.models import Agent, AuditEvent\n",
            )
        ],
    ),
    broken(
        "audit event of a new agent dropped",
        AGENTS,
        '    await record("agent.created", caller.tenant_id, caller.id, created=str(agent.id))\n',
        "",
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "audit event without its agent",
        AUDIT,
        "agent_id=agent_id, ",
        "",
        "test_an_event_says_who_did_what",
        of("TestChat", "lands_in_audit_events", "a_blocked_message_goes_nowhere_and_is_audited"),
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "audit events may be changed",
        MIGRATION,
        "before update or delete or truncate",
        "before delete or truncate",
        "test_the_database_refuses_to[update audit_events set kind = '']",
    ),
    broken(
        "audit events may be deleted",
        MIGRATION,
        "before update or delete or truncate",
        "before update or truncate",
        "test_the_database_refuses_to[delete from audit_events]",
    ),
    broken(
        "audit events may be truncated",
        MIGRATION,
        "before update or delete or truncate",
        "before update or delete",
        "test_the_database_refuses_to[truncate audit_events]",
    ),
]

CALLER = [
    broken(
        "the tenant of an agent not compared",
        AGENTS,
        "if agent.tenant_id != caller.tenant_id:",
        "if agent is caller:",
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "an unknown agent not told as such",
        AGENTS,
        "HTTPException(404,",
        "HTTPException(403,",
        of("TestReadAgent", "404_for_an_unknown_agent"),
    ),
    broken(
        "no key needed",
        AUTH,
        "agent = await _agent_with(credentials.credentials) if credentials else None",
        'agent = await _agent_with(credentials.credentials if credentials else "")',
        on_every_route("401_without_a_key"),
        on_every_route("401_with_a_malformed_key"),
        also=[
            (
                AUTH,
                "select(Agent).filter_by(key_hash=hash_key(key))",
                'select(Agent).where((key == "") | (Agent.key_hash == hash_key(key)))',
            ),
            (AUTH, "from sqlalchemy import select", "from sqlalchemy import literal, select"),
            (AUTH, '(key == "")', '(literal(key) == "")'),
        ],
    ),
    broken(
        "any key taken",
        AUTH,
        "select(Agent).filter_by(key_hash=hash_key(key))",
        'select(Agent).order_by(Agent.label != "the calling agent").limit(1)',
        on_every_route("401_with_a_malformed_key"),
        on_every_route("401_with_an_unknown_key"),
        on_every_route("401_with_a_revoked_key"),
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
        "TestChat::test_the_tenants_own_key_goes_upstream",
        "TestCreateAgent::test_the_database_holds_nothing_that_is_a_key",
    ),
    broken(
        "keys kept in plaintext",
        AUTH,
        "return sha256(key.encode()).hexdigest()",
        "return key",
        of("TestCreateAgent", "the_database_holds_nothing_that_is_a_key"),
    ),
    broken(
        "keys kept in hex",
        AUTH,
        "return sha256(key.encode()).hexdigest()",
        "return key.encode().hex()",
        of("TestCreateAgent", "the_database_holds_nothing_that_is_a_key"),
    ),
    broken(
        "the key shown is another one than the key kept",
        AGENTS,
        "created_at=agent.created_at, key=key)",
        "created_at=agent.created_at, key=new_key())",
        of("TestCreateAgent", "the_new_key_works"),
    ),
    broken(
        "agents of other tenants listed",
        AGENTS,
        "select(Agent).filter_by(tenant_id=caller.tenant_id)",
        "select(Agent)",
        of(
            "TestListAgents",
            "lists_nothing_of_another_tenant",
            "later_pages_list_nothing_of_another_tenant",
        ),
    ),
]

SHAPE = [
    broken(
        "a field added",
        AGENTS,
        "    label: str\n    created_at",
        "    label: str\n    tenant_id: UUID\n    created_at",
        [f"{route}::test_happy_path" for route in ("TestListAgents", "TestReadAgent")],
        of("TestCreateAgent", "happy_path"),
        also=[
            (
                AGENTS,
                "label=agent.label, created",
                "label=agent.label, tenant_id=agent.tenant_id, created",
            )
        ],
    ),
    broken(
        "a field removed",
        AGENTS,
        "    label: str\n    created_at: datetime\n",
        "    label: str\n",
        of("TestCreateAgent", "happy_path"),
        of("TestListAgents", "happy_path"),
        of("TestReadAgent", "happy_path"),
    ),
    broken(
        "the hash of the key leaked",
        AGENTS,
        '@router.get("/{agent_id}", response_model=AgentView)',
        '@router.get("/{agent_id}", response_model=Leaky)',
        of("TestReadAgent", "happy_path"),
        also=[
            (
                AGENTS,
                "class AgentWithKey(",
                "class Leaky(AgentView):\n    key_hash: str\n\n\nclass AgentWithKey(",
            )
        ],
    ),
    broken(
        "status changed",
        AGENTS,
        "status_code=201",
        "status_code=200",
        of("TestCreateAgent", "happy_path"),
    ),
    broken(
        "the upstream's answer altered",
        CHAT,
        "return Answer(200, answer)",
        'return Answer(200, {**answer, "more": 1})',
        of("TestChat", "happy_path"),
    ),
    broken(
        "a page longer than asked for",
        AGENTS,
        "page = agents[:limit]",
        "page = agents[: limit + 1]",
        of("TestListAgents", "the_pages_together_are_all_agents"),
    ),
    broken(
        "the next page is the first one",
        AGENTS,
        "query = query.where(Agent.id > after)",
        "query = query.where(Agent.id >= after)",
        of("TestListAgents", "the_pages_together_are_all_agents"),
    ),
    broken(
        "agents in no order",
        AGENTS,
        ".order_by(Agent.id)",
        ".order_by(Agent.id.desc())",
        of(
            "TestListAgents",
            "the_pages_together_are_all_agents",
            "later_pages_list_nothing_of_another_tenant",
        ),
    ),
]

MALFORMED = [
    broken(
        "label optional",
        AGENTS,
        "label: str = Field(min_length",
        'label: str = Field("none", min_length',
        malformed("TestCreateAgent", json={}),
    ),
    broken(
        "label empty",
        AGENTS,
        r'min_length=1, max_length=200, pattern=r"^[^\x00]+$"',
        r'max_length=200, pattern=r"^[^\x00]*$"',
        malformed("TestCreateAgent", json={"label": ""}),
    ),
    broken(
        "label of any length",
        AGENTS,
        "max_length=200, ",
        "",
        "TestCreateAgent::test_422_on_a_malformed_request[{'json': {'label': 'x...'}}]",
        of("TestCreateAgent", "a_refusal_does_not_repeat_the_input"),
    ),
    broken(
        "label with a NUL",
        AGENTS,
        r', pattern=r"^[^\x00]+$"',
        "",
        malformed("TestCreateAgent", json={"label": "\0"}).replace("\\", "\\\\"),
        "TestCreateAgent::test_422_on_a_malformed_request[{'json': {'label': 'a\\\\x00b'}}]",
    ),
    broken(
        "label a number",
        AGENTS,
        '    model_config = ConfigDict(extra="forbid")\n',
        '    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)\n',
        malformed("TestCreateAgent", json={"label": 7}),
        malformed("TestCreateAgent", content=b'{"label": NaN}', headers=JSON),
    ),
    broken(
        "agent with more fields",
        AGENTS,
        'ConfigDict(extra="forbid")',
        'ConfigDict(extra="ignore")',
        malformed("TestCreateAgent", json={"label": "x", "unknown": 1}),
    ),
    broken(
        "what is no JSON told otherwise",
        APP,
        '"detail": detail}, 422)',
        '"detail": detail}, 400 if detail[0]["type"] == "json_invalid" else 422)',
        malformed("TestCreateAgent", content=b"{", headers=JSON),
        malformed("TestChat", content=b"{", headers=JSON),
    ),
    broken(
        "the input repeated in the answer",
        APP,
        'kept = ("type", "loc", "msg")',
        'kept = ("type", "loc", "msg", "input")',
        of("TestCreateAgent", "a_refusal_does_not_repeat_the_input"),
        malformed("TestCreateAgent", content=b'{"label": NaN}', headers=JSON),
        malformed("TestChat", content=b'{"model": NaN}', headers=JSON),
    ),
    broken(
        "no lower bound of the limit",
        AGENTS,
        "Query(ge=1, le=100)",
        "Query(ge=0, le=100)",
        malformed("TestListAgents", params={"limit": 0}),
    ),
    broken(
        "no upper bound of the limit",
        AGENTS,
        "Query(ge=1, le=100)",
        "Query(ge=1)",
        malformed("TestListAgents", params={"limit": 101}),
    ),
    broken(
        "a limit that is no number ignored",
        AGENTS,
        "limit: Annotated[int, Query(ge=1, le=100)] = 50,",
        "limit: Annotated[int, Query(ge=1, le=100), WrapValidator(_or_50)] = 50,",
        malformed("TestListAgents", params={"limit": "many"}),
        also=[
            (AGENTS, "Field\nfrom", "Field, WrapValidator\nfrom"),
            (
                AGENTS,
                "class NewAgent(",
                "def _or_50(value, check):\n    return 50 if value == 'many' else check(value)\n\n\nclass NewAgent(",
            ),
        ],
    ),
    broken(
        "a page after what is no id",
        AGENTS,
        "after: UUID | None = None,",
        "after: str | None = None,",
        malformed("TestListAgents", params={"after": "no-uuid"}),
        also=[
            (AGENTS, "if after is not None:", "if after and len(after) == 36:"),
            (AGENTS, "Agent.id > after", "Agent.id > UUID(after)"),
        ],
    ),
    broken(
        "an agent's id of any form",
        AGENTS,
        "async def read_agent(agent_id: UUID,",
        "async def read_agent(agent_id: str,",
        malformed("TestReadAgent", url="/v1/agents/no-uuid"),
        also=[
            (
                AGENTS,
                "agent = await session.get(Agent, agent_id)",
                "key = UUID(agent_id) if len(agent_id) == 36 else UUID(int=0)\n    agent = await session.get(Agent, key)",
            )
        ],
    ),
    broken(
        "model optional",
        CHAT,
        "model: str = Field(max_length",
        'model: str = Field("m", max_length',
        malformed("TestChat", json={"messages": [HELLO]}),
    ),
    broken(
        "model of any characters",
        CHAT,
        ', pattern="^[!-~]+$"',
        "",
        chat(model="two words"),
    ),
    broken(
        "model of any length",
        CHAT,
        'max_length=200, pattern="^[!-~]+$"',
        'pattern="^[!-~]+$"',
        chat(model="x..."),
    ),
    broken(
        "messages optional",
        CHAT,
        "messages: list[Message] = Field(min_length=1)",
        "messages: list[Message] = Field([], min_length=1)",
        malformed("TestChat", json={"model": "m"}),
    ),
    broken(
        "messages empty",
        CHAT,
        "messages: list[Message] = Field(min_length=1)",
        "messages: list[Message]",
        chat(messages=[]),
    ),
    broken(
        "role free",
        CHAT,
        'role: Literal["system", "user", "assistant"]',
        "role: str",
        chat(messages=[{"role": "nobody", "content": "hello"}]),
    ),
    broken(
        "content optional",
        CHAT,
        "content: str = Field(max_length",
        'content: str = Field("", max_length',
        chat(messages=[{"role": "user"}]),
    ),
    broken(
        "content of any length",
        CHAT,
        "content: str = Field(max_length=1_000_000)",
        "content: str",
        chat(messages=[{"role": "user", "content": "x..."}]),
    ),
    broken(
        "message with more fields",
        CHAT,
        """    model_config = ConfigDict(extra="forbid")

    role""",
        """    role""",
        chat(messages=[{"role": "user", "content": "hi", "unknown": 1}]),
    ),
    broken(
        "request with more fields",
        CHAT,
        """    model_config = ConfigDict(extra="forbid")

    model:""",
        """    model:""",
        chat(unknown=1),
    ),
    broken(
        "no lower bound of the temperature",
        CHAT,
        "Field(None, ge=0, le=2)",
        "Field(None, le=2)",
        chat(temperature=-1),
    ),
    broken(
        "no upper bound of the temperature",
        CHAT,
        "Field(None, ge=0, le=2)",
        "Field(None, ge=0)",
        chat(temperature=3),
    ),
    broken(
        "no bound of max_tokens",
        CHAT,
        "max_tokens: int | None = Field(None, ge=1)",
        "max_tokens: int | None = None",
        chat(max_tokens=0),
    ),
    broken(
        "streaming asked for and not refused",
        CHAT,
        "    if stream:\n",
        "    if not stream:\n        return stream\n    if stream is None:\n",
        chat(stream=True),
    ),
    broken(
        "an empty Idempotency-Key taken",
        IDEMPOTENCY,
        'pattern="^[ -~]+$"',
        'pattern="^[ -~]*$"',
        malformed(
            "TestChat", json={"model": "m", "messages": [HELLO]}, headers={"Idempotency-Key": ""}
        ),
    ),
    broken(
        "an Idempotency-Key of any length",
        IDEMPOTENCY,
        "Header(max_length=255, ",
        "Header(",
        malformed(
            "TestChat",
            json={"model": "m", "messages": [HELLO]},
            headers={"Idempotency-Key": "x..."},
        ),
    ),
]

IDEMPOTENT = [
    broken(
        "idempotency off",
        IDEMPOTENCY,
        "    if key is None:\n",
        "    if True:\n",
        ONCE,
        of(
            "TestChat",
            "409_on_another_request_with_the_same_key",
            "409_on_another_model_with_the_same_key",
        ),
        "test_an_answer_is_kept_whatever_its_status",
        "test_who_comes_meanwhile_waits_for_the_answer",
        "test_after_a_failure_the_key_is_free",
        "test_two_tenants_may_use_the_same_key",
        "test_an_answer_is_kept_for_longer_than_any_work",
        "test_the_key_of_a_dead_process_is_taken_over",
    ),
    broken(
        "the body not compared",
        IDEMPOTENCY,
        "if holder.fingerprint != self.fingerprint:",
        "if not holder.fingerprint:",
        of(
            "TestChat",
            "409_on_another_request_with_the_same_key",
            "409_on_another_model_with_the_same_key",
        ),
    ),
    broken(
        "only those idempotent that come one after the other",
        IDEMPOTENCY,
        "            if monotonic() > deadline:\n",
        "            return None\n            if monotonic() > deadline:\n",
        "test_who_comes_meanwhile_waits_for_the_answer",
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
    broken(
        "another answer the second time",
        IDEMPOTENCY,
        "return Answer(**holder.response)",
        'return Answer(holder.response["status"], {})',
        ONCE,
        "test_an_answer_is_kept_whatever_its_status",
        "test_who_comes_meanwhile_waits_for_the_answer",
        "test_after_a_failure_the_key_is_free",
        "test_two_tenants_may_use_the_same_key",
        "test_an_answer_is_kept_for_longer_than_any_work",
    ),
    broken(
        "another status the second time",
        IDEMPOTENCY,
        "return Answer(**holder.response)",
        'return Answer(200, holder.response["body"])',
        "test_an_answer_is_kept_whatever_its_status",
        "test_who_comes_meanwhile_waits_for_the_answer",
        "test_after_a_failure_the_key_is_free",
        "test_two_tenants_may_use_the_same_key",
        "test_an_answer_is_kept_for_longer_than_any_work",
    ),
    broken(
        "work without a key taken for the same",
        IDEMPOTENCY,
        "    if key is None:\n        return await work()\n",
        '    key = key or "none"\n',
        "test_without_a_key_nothing_is_kept",
        "TestChat::test_the_tenants_own_key_goes_upstream",
    ),
    broken(
        "a key shared by all tenants",
        IDEMPOTENCY,
        "select(Completion).filter_by(tenant_id=self.tenant_id, key=self.key)",
        "select(Completion).filter_by(key=self.key).order_by(Completion.claimed_at)",
        "test_two_tenants_may_use_the_same_key",
        "test_after_a_failure_the_key_is_free",
        also=[
            (
                IDEMPOTENCY,
                "(await session.scalars(holder)).one()",
                "(await session.scalars(holder)).first()",
            )
        ],
    ),
    broken(
        "a key kept after a failure",
        IDEMPOTENCY,
        "        await claim.release()\n",
        "",
        "test_after_a_failure_the_key_is_free",
        also=[(IDEMPOTENCY, "WAIT = 30.0", "WAIT = 0.1")],
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
    broken(
        "a key of the dead kept",
        IDEMPOTENCY,
        "LEASE = timedelta(minutes=10)",
        "LEASE = timedelta(days=10)",
        "test_the_key_of_a_dead_process_is_taken_over",
        also=[(IDEMPOTENCY, "WAIT = 30.0", "WAIT = 0.1")],
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
    broken(
        "a key of the living taken over",
        IDEMPOTENCY,
        "where=same & expired &",
        "where=same &",
        "test_who_comes_meanwhile_waits_for_the_answer",
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
]

UPSTREAM = [
    broken(
        "an option lost on its way upstream",
        CHAT,
        "body.model_dump(exclude_none=True)",
        'body.model_dump(exclude_none=True, exclude={"temperature"})',
        of("TestChat", "sends_on_what_was_asked"),
    ),
    broken(
        "more sent upstream than was asked",
        CHAT,
        "body.model_dump(exclude_none=True)",
        "body.model_dump()",
        of("TestChat", "sends_on_what_was_asked"),
    ),
    broken(
        "the client alters the body",
        OPENAI,
        "json=dict(body)",
        'json={**body, "user": "gateway"}',
        of("TestChat", "sends_on_what_was_asked"),
        "test_returns_the_reply_to_what_was_asked",
        "test_reads_what_was_recorded_of_the_upstream",
        "test_streams_the_reply",
    ),
    broken(
        "the tenant's own key not used",
        DEPENDENCIES,
        "        return await vault.get(agent.tenant_id, UPSTREAM_SECRET)\n",
        "        await vault.get(agent.tenant_id, UPSTREAM_SECRET)\n        raise SecretNotFound\n",
        of("TestChat", "the_tenants_own_key_goes_upstream"),
    ),
    broken(
        "the key not sent upstream",
        OPENAI,
        'self.headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}',
        "self.headers: dict[str, str] = {}",
        of("TestChat", "the_tenants_own_key_goes_upstream", "sends_on_what_was_asked"),
        "test_returns_the_reply_to_what_was_asked",
    ),
    broken(
        "retries off",
        OPENAI,
        "retries: int = 2,",
        "retries: int = 0,",
        [f"test_tries_again_after[{failure}]" for failure in ("500", "time-out", "connection")],
        [f"test_gives_up_after[{failure}]" for failure in ("503", "time-out")],
    ),
    broken(
        "one retry too few",
        OPENAI,
        "retries: int = 2,",
        "retries: int = 1,",
        [f"test_gives_up_after[{failure}]" for failure in ("503", "time-out")],
    ),
    broken(
        "one retry too many",
        OPENAI,
        "retries: int = 2,",
        "retries: int = 3,",
        [f"test_gives_up_after[{failure}]" for failure in ("503", "time-out")],
    ),
    broken(
        "a 4xx retried",
        OPENAI,
        "if error.status is not None and error.status < 500:",
        "if error.status is not None and error.status < 400:",
        "test_gives_up_after[400]",
    ),
    broken(
        "a 5xx not retried",
        OPENAI,
        "if error.status is not None and error.status < 500:",
        "if error.status is not None:",
        "test_tries_again_after[500]",
        "test_gives_up_after[503]",
    ),
    broken(
        "a time-out not retried",
        OPENAI,
        "if error.status is not None and error.status < 500:",
        "if error.status is None or error.status < 500:",
        [f"test_tries_again_after[{failure}]" for failure in ("time-out", "connection")],
        "test_gives_up_after[time-out]",
    ),
    broken(
        "a time-out not caught",
        OPENAI,
        "            await response.aread()\n        except httpx.RequestError as error:",
        "            await response.aread()\n        except httpx.NetworkError as error:",
        "test_tries_again_after[time-out]",
        "test_gives_up_after[time-out]",
        of("TestOpenAIClient", "tells_of[time-out]"),
    ),
    broken(
        "the reply altered",
        OPENAI,
        "            return text\n",
        "            return text.upper()\n",
        of("TestOpenAIClient", "returns_what_the_upstream_answers"),
        "test_returns_the_reply_to_what_was_asked",
        "test_reads_what_was_recorded_of_the_upstream",
        [f"test_tries_again_after[{failure}]" for failure in ("500", "time-out", "connection")],
    ),
    broken(
        "an early end of a stream not told",
        OPENAI,
        '        raise UpstreamError(None, "the upstream\'s response ended before [DONE]")\n',
        "",
        "test_tells_of_a_partial_stream[ended early]",
    ),
    broken(
        "a broken stream not told",
        OPENAI,
        'raise UpstreamError(None, f"the upstream\'s response broke off: {error!r}") from error',
        "raise",
        "test_tells_of_a_partial_stream[broken]",
    ),
    broken(
        "an unreadable answer not told",
        OPENAI,
        "except (AttributeError, LookupError, TypeError, ValueError) as error:",
        "except MemoryError as error:",
        [
            f"test_tells_of_an_answer_that_cannot_be_read[{body}]"
            for body in (
                "<html>",
                "[]",
                '{"choices": []}',
                '{"choices": [{"message": {"content": null}}]}',
            )
        ],
        of("TestOpenAIClient", "tells_of[no JSON]"),
    ),
    broken(
        "a stream that never began not read",
        OPENAI,
        "            await response.aread()\n",
        "",
        "test_tells_of_a_stream_that_never_began",
    ),
    broken(
        "a stream not asked for",
        OPENAI,
        '**options, "stream": True}',
        "**options}",
        "test_streams_the_reply",
    ),
    broken(
        "lines cut at the end of a block",
        OPENAI,
        "*lines, rest = (rest + block).split",
        "*lines, rest = block.split",
        "test_streams_what_comes_in_blocks_cut_anywhere",
    ),
    broken(
        "lines cut where only Python ends one",
        OPENAI,
        "yield line[5:].strip()",
        "yield line[5:].decode().splitlines()[0].strip().encode()",
        "test_streams_what_comes_in_blocks_cut_anywhere",
    ),
]

ENCRYPTED = [
    f"TestPostgresVault::test_a_ciphertext_moved_elsewhere_is_unreadable[{part}]"
    for part in ("id", "tenant", "name", "version")
]
SEAL = "secret.ciphertext = self._cipher.encrypt(secret.nonce, value.encode(), _place(secret))"
OPEN = "return self._cipher.decrypt(secret.nonce, secret.ciphertext, _place(secret)).decode()"
TELL_TALE: tuple[Edit, ...] = (
    (
        MODELS,
        "    nonce: Mapped[bytes]\n",
        "    nonce: Mapped[bytes]\n    hint: Mapped[str | None]\n",
    ),
    (
        MIGRATION,
        '        sa.Column("nonce", sa.LargeBinary, nullable=False),\n',
        '        sa.Column("nonce", sa.LargeBinary, nullable=False),\n        sa.Column("hint", sa.String),\n',
    ),
)


def stored_as(name: str, code: str, *turns_red: str) -> Mutation:
    """The plaintext beside the ciphertext, in a column of its own."""
    return broken(
        f"plaintext stored {name}",
        VAULT,
        SEAL,
        f"{SEAL}\n            import base64, zlib; secret.hint = {code}",
        [*turns_red, "TestPostgresVault::test_equal_plaintexts_leave_no_equal_cells"],
        also=TELL_TALE,
    )


RAW = "TestPostgresVault::test_raw_rows_never_hold_the_plaintext"
SECRET = [
    broken(
        "plaintext stored",
        VAULT,
        SEAL,
        "secret.ciphertext = value.encode()",
        RAW,
        of("TestPostgresVault", "equal_plaintexts_leave_no_equal_cells"),
        of("TestPostgresVault", "with_another_key_nothing_is_readable"),
        ENCRYPTED,
        also=[(VAULT, OPEN, "return secret.ciphertext.decode()")],
    ),
    stored_as("beside the ciphertext", "value", RAW),
    stored_as("in base64", "base64.b64encode(value.encode()).decode()", RAW),
    stored_as(
        "in base64 after something else", "base64.b64encode(b'x' + value.encode()).decode()", RAW
    ),
    stored_as("in hex", "value.encode().hex()", RAW),
    stored_as("backwards", "value[::-1]"),
    stored_as("compressed", "zlib.compress(value.encode()).hex()"),
    broken(
        "every secret with the same nonce",
        VAULT,
        "os.urandom(12)",
        "bytes(12)",
        of("TestPostgresVault", "the_same_value_twice_has_two_nonces"),
    ),
    broken(
        "one key for every vault",
        VAULT,
        "AESGCM(key)",
        "AESGCM(bytes(32))",
        of("TestPostgresVault", "with_another_key_nothing_is_readable"),
    ),
    broken(
        "ciphertext not bound to its tenant",
        VAULT,
        "{secret.tenant_id}/{secret.id}",
        "{secret.id}",
        ENCRYPTED[1],
    ),
    broken(
        "ciphertext not bound to its id",
        VAULT,
        "{secret.tenant_id}/{secret.id}",
        "{secret.tenant_id}",
        ENCRYPTED[0],
    ),
    broken(
        "ciphertext not bound to its name",
        VAULT,
        "/{secret.version}/{secret.name}",
        "/{secret.version}",
        ENCRYPTED[2],
    ),
    broken(
        "ciphertext not bound to its version",
        VAULT,
        "/{secret.version}/{secret.name}",
        "/{secret.name}",
        ENCRYPTED[3],
    ),
    broken(
        "another value given back",
        VAULT,
        OPEN,
        OPEN.replace(".decode()", ".decode().upper()"),
        of("TestPostgresVault", "round_trip", "an_old_version_stays_readable"),
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "versions_set_at_once_are_all_kept"),
        of("TestChat", "the_tenants_own_key_goes_upstream"),
        of("TestPostgresVault", "round_trip_of_any_text[long]"),
        of("TestPostgresVault", "round_trip_of_any_text[non-ASCII]"),
    ),
    broken(
        "another tenant's secret given",
        VAULT,
        "query = select(Secret).filter_by(tenant_id=tenant_id, name=name)",
        "query = select(Secret).filter_by(name=name)",
        of("TestPostgresVault", "round_trip", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
        "TestChat::test_the_tenants_own_key_goes_upstream",
    ),
    broken(
        "the secret of another name given",
        VAULT,
        "query = select(Secret).filter_by(tenant_id=tenant_id, name=name)",
        "query = select(Secret).filter_by(tenant_id=tenant_id)",
        of("TestPostgresVault", "round_trip", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "version overwritten",
        VAULT,
        "            session.add(secret)\n",
        "            older = delete(Secret).filter_by(tenant_id=tenant_id, name=name)\n"
        "            await session.execute(older)\n            session.add(secret)\n",
        of("TestPostgresVault", "an_old_version_stays_readable"),
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "the_same_value_twice_has_two_nonces"),
        of("TestPostgresVault", "versions_set_at_once_are_all_kept"),
    ),
    broken(
        "the version asked for ignored",
        VAULT,
        "        if version is not None:\n",
        "        if version == 0:\n",
        of("TestPostgresVault", "an_old_version_stays_readable"),
        of("TestPostgresVault", "versions_set_at_once_are_all_kept"),
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "the oldest version given",
        VAULT,
        "Secret.version.desc()",
        "Secret.version",
        of("TestPostgresVault", "an_old_version_stays_readable"),
        "TestChat::test_the_tenants_own_key_goes_upstream",
    ),
    broken(
        "versions that come together collide",
        VAULT,
        ".with_for_update(key_share=True)",
        "",
        of("TestPostgresVault", "versions_set_at_once_are_all_kept"),
    ),
    broken(
        "a deleted secret still there",
        VAULT,
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)",
        "rows = select(Secret.id).filter_by(tenant_id=tenant_id, name=name)",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "a_deletion_leaves_no_ciphertext"),
    ),
    broken(
        "an old version of a deleted secret still there",
        VAULT,
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)",
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name, version=2).returning(Secret.id)",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        of("TestPostgresVault", "a_deletion_leaves_no_ciphertext"),
    ),
    broken(
        "secrets of other names deleted too",
        VAULT,
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name)",
        "rows = delete(Secret).filter_by(tenant_id=tenant_id)",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
    ),
    broken(
        "secrets of other tenants deleted too",
        VAULT,
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name)",
        "rows = delete(Secret).filter_by(name=name)",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
    ),
    broken(
        "deleted without an audit event",
        VAULT,
        '        await record("secret.deleted", tenant_id, name=name, versions=len(deleted))\n',
        "",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
    ),
    broken(
        "what is not there deleted without a word",
        VAULT,
        "        if not deleted:\n            raise SecretNotFound(name)\n",
        "",
        of("TestPostgresVault", "what_is_not_there_cannot_be_deleted"),
    ),
]

AGREE = of("TestSchema", "models_and_migrations_agree")
SCHEMA = [
    broken(
        "a column that may be null in the models alone",
        MODELS,
        "    label: Mapped[str]\n",
        "    label: Mapped[str | None]\n",
        AGREE,
    ),
    broken(
        "a column that the models lack",
        MIGRATION,
        '        sa.Column("slug", sa.String, unique=True, nullable=False),\n',
        '        sa.Column("slug", sa.String, unique=True, nullable=False),\n'
        '        sa.Column("note", sa.String),\n',
        AGREE,
    ),
    broken(
        "an index that the migrations lack",
        MIGRATION,
        '    op.create_index(None, "audit_events", ["tenant_id", "created_at"])\n',
        "",
        AGREE,
    ),
    broken(
        "a default that the migrations have and the models lack",
        MODELS,
        "    claimed_at: Mapped[datetime] = mapped_column(server_default=func.now())\n",
        "    claimed_at: Mapped[datetime] = mapped_column(default=func.now())\n",
        AGREE,
    ),
    *(
        broken(
            f"no factory of {model}",
            FACTORIES,
            f"        model = {model}\n",
            "        abstract = True\n",
            f"TestSchema::test_every_model_has_a_factory[{model}]",
        )
        for model in ("Completion", "Secret")
    ),
]

# Written in rounds from the policy and the source. The first without a look at the tests; the second
# and third after a look at the suite of routes; the fourth with the tests known.
FIRST_ROUND = [
    broken(
        "no tenant check in read",
        AGENTS,
        '    if agent.tenant_id != caller.tenant_id:\n        raise HTTPException(403, "this agent belongs to another tenant")\n',
        "",
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "later pages of all tenants",
        AGENTS,
        "        query = query.where(Agent.id > after)",
        "        query = select(Agent).order_by(Agent.id).where(Agent.id > after)",
        of("TestListAgents", "later_pages_list_nothing_of_another_tenant"),
    ),
    broken(
        "a route without a key",
        APP,
        '    app.add_api_route("/healthz", _healthz)\n',
        '    app.add_api_route("/healthz", _healthz)\n    app.add_api_route("/v1/stats", _healthz)\n',
        of("TestApp", "401_without_a_key_on_every_route_that_is_not_public"),
    ),
    broken(
        "version of another tenant",
        VAULT,
        "            query = query.filter_by(id=version)",
        "            query = select(Secret).filter_by(id=version, name=name)",
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "version of another name",
        VAULT,
        "            query = query.filter_by(id=version)",
        "            query = select(Secret).filter_by(id=version, tenant_id=tenant_id)",
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "plaintext audited on get",
        VAULT,
        OPEN,
        "value = self._cipher.decrypt(secret.nonce, secret.ciphertext, _place(secret)).decode()\n        await record('secret.read', tenant_id, value=value)\n        return value",
        of("TestPostgresVault", "raw_rows_never_hold_the_plaintext"),
    ),
    broken(
        "plaintext audited on delete",
        VAULT,
        "        rows = delete(Secret)",
        "        value = await self.get(tenant_id, name)\n        rows = delete(Secret)",
        of("TestPostgresVault", "raw_rows_never_hold_the_plaintext"),
        also=[
            (
                VAULT,
                "name=name, versions=len(deleted))",
                "name=name, versions=len(deleted), last=value)",
            )
        ],
    ),
    broken(
        "deletion renames",
        VAULT,
        "rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)",
        "from sqlalchemy import update\n        rows = update(Secret).filter_by(tenant_id=tenant_id, name=name).values(name=Secret.id.cast(__import__('sqlalchemy').String)).returning(Secret.id)",
        of("TestPostgresVault", "a_deletion_leaves_no_ciphertext"),
    ),
    broken(
        "deletion keeps the ciphertext in its event",
        VAULT,
        "filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)",
        "filter_by(tenant_id=tenant_id, name=name).returning(Secret.ciphertext)",
        of("TestPostgresVault", "a_deletion_leaves_no_ciphertext"),
        also=[
            (
                VAULT,
                'await record("secret.deleted", tenant_id, name=name, versions=len(deleted))',
                'await record("secret.deleted", tenant_id, name=name, versions=len(deleted), old=[one.hex() for one in deleted])',
            )
        ],
    ),
    broken(
        "detections of later messages not audited",
        CHAT,
        "                context = Context(message.content, found)",
        "                context = Context(message.content, found if message is body.messages[0] else [])",
        of("TestDetectPIIRequest", "each_message_is_audited"),
    ),
    broken(
        "only the first detection",
        DETECT_PII,
        "        return sorted(found, key=lambda detection: detection.start)",
        "        return sorted(found, key=lambda detection: detection.start)[:1]",
        of("TestDetectPIIRequest", "each_detection_of_a_message_is_audited"),
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
    ),
    broken(
        "first detection of the step",
        DETECT_PII,
        "        ctx.react(found, self.on_detection)",
        "        found = found[:1]\n        ctx.react(found, self.on_detection)",
        of("TestDetectPIIRequest", "each_detection_of_a_message_is_audited"),
    ),
    broken(
        "400 quotes the user",
        CHAT,
        '"message": str(blocked)}',
        '"message": f"{blocked}: {body.messages[-1].content}"}',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "403 quotes the label",
        AGENTS,
        '"this agent belongs to another tenant"',
        'f"{agent.label} belongs to another tenant"',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "422 quotes the input",
        APP,
        'kept = ("type", "loc", "msg")',
        'kept = ("type", "loc", "msg", "input")',
        of("TestCreateAgent", "a_refusal_does_not_repeat_the_input"),
        also=[
            (
                APP,
                "{key: fault[key] for key in kept}",
                "{key: fault[key] if key != 'input' else str(fault[key]) for key in kept}",
            )
        ],
    ),
    broken(
        "502 quotes the upstream",
        CHAT,
        '"the upstream gave no usable answer"',
        "str(error)",
        of("TestChat", "an_error_quotes_neither_the_upstream_nor_a_key"),
    ),
    broken(
        "502 quotes the key",
        CHAT,
        '"the upstream gave no usable answer"',
        'f"no answer with {upstream.headers}"',
        of("TestChat", "an_error_quotes_neither_the_upstream_nor_a_key"),
    ),
    broken(
        "retries without a bound",
        OPENAI,
        "        for pause in self.pauses:\n",
        "        while True:\n            pause = 0\n",
        of("TestOpenAIClient", "tells_of[500]"),
        only=["--timeout=2", "tests/unit/test_openai.py::TestOpenAIClient::test_tells_of[500]"],
    ),
    broken(
        "only the first 40 characters of a key count",
        AUTH,
        "return sha256(key.encode())",
        "return sha256(key[:40].encode())",
        on_every_route("401_with_an_unknown_key"),
    ),
    broken(
        "a wrong next page after an exact one",
        AGENTS,
        "if len(agents) > limit else",
        "if len(agents) >= limit else",
        of("TestListAgents", "the_pages_together_are_all_agents"),
    ),
    broken(
        "the new agent audited by the wrong id",
        AGENTS,
        "created=str(agent.id))",
        "created=str(caller.id))",
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "the new agent audited as its own maker",
        AGENTS,
        "caller.tenant_id, caller.id, created",
        "caller.tenant_id, agent.id, created",
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "a new agent never committed",
        AGENTS,
        "    await session.commit()\n",
        "    await session.flush()\n    await session.refresh(agent)\n",
        NO_NEW_AGENT,
    ),
    broken(
        "events without their detail",
        AUDIT,
        "detail=detail)",
        "detail={})",
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited", "lands_in_audit_events"),
        of("TestCreateAgent", "lands_in_audit_events"),
        "test_an_event_says_who_did_what",
        AUDITED_DETECTIONS,
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
    ),
    broken(
        "a blocked message audited without the agent",
        CHAT,
        'record("chat.blocked", agent.tenant_id, agent.id, **about)',
        'record("chat.blocked", agent.tenant_id, **about)',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "the user's text in the audit event",
        CHAT,
        'about = {"model": body.model, **detail}',
        'about = {"model": body.model, "text": body.messages[-1].content, **detail}',
        of("TestDetectPIIRequest", "an_audit_event_holds_no_text_of_the_user"),
    ),
    broken(
        "the text of a blocked message in the audit event",
        CHAT,
        'about = {"model": body.model, "detections"',
        'about = {"model": body.model, "text": body.messages[-1].content, "detections"',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "a blocked message answered with 200",
        CHAT,
        "return Answer(400,",
        "return Answer(200,",
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "only the last message of the user screened",
        CHAT,
        'if message.role == "user":',
        'if message.role == "user" and message is body.messages[-1]:',
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "TestDetectPIIRequest::test_each_message_is_audited",
    ),
    broken(
        "a failing upstream answered with 500",
        CHAT,
        "HTTPException(502,",
        "HTTPException(500,",
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
    ),
    broken(
        "the status of a failing upstream not audited",
        CHAT,
        "status=error.status, ",
        "status=None, ",
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
    ),
    broken(
        "the service's own key never used",
        DEPENDENCIES,
        "        return settings.upstream_api_key.get_secret_value()",
        '        return ""',
        of("TestChat", "sends_on_what_was_asked"),
        "TestChat::test_the_tenants_own_key_goes_upstream",
    ),
    broken(
        "a failed answer not kept",
        IDEMPOTENCY,
        "    await claim.keep(answer)\n",
        "    if answer.status < 400:\n        await claim.keep(answer)\n    else:\n        await claim.release()\n",
        "test_an_answer_is_kept_whatever_its_status",
        "test_who_comes_meanwhile_waits_for_the_answer",
        "test_after_a_failure_the_key_is_free",
        "test_two_tenants_may_use_the_same_key",
        "test_an_answer_is_kept_for_longer_than_any_work",
        "test_the_key_of_a_dead_process_is_taken_over",
    ),
    broken(
        "an empty piece of a stream not read",
        OPENAI,
        '.get("content") or ""',
        '["content"]',
        "test_streams_the_reply",
    ),
    broken(
        "long values cut",
        VAULT,
        "value.encode(), _place",
        "value[:1000].encode(), _place",
        of("TestPostgresVault", "round_trip_of_any_text[long]"),
    ),
    broken(
        "values without their white space",
        VAULT,
        "value.encode(), _place",
        "value.strip().encode(), _place",
        of("TestPostgresVault", "round_trip_of_any_text[non-ASCII]"),
    ),
    broken(
        "values in ASCII",
        VAULT,
        "value.encode(), _place",
        "value.encode('ascii', 'replace'), _place",
        of("TestPostgresVault", "round_trip_of_any_text[non-ASCII]"),
    ),
    broken(
        "a deletion of nothing audited",
        VAULT,
        '        if not deleted:\n            raise SecretNotFound(name)\n        await record("secret.deleted", tenant_id, name=name, versions=len(deleted))\n',
        '        await record("secret.deleted", tenant_id, name=name, versions=len(deleted))\n        if not deleted:\n            raise SecretNotFound(name)\n',
        of("TestPostgresVault", "what_is_not_there_cannot_be_deleted"),
    ),
    broken(
        "a backend that fails taken for one that finds nothing",
        DETECT_PII,
        "        found = await asyncio.to_thread(self.backend.detect, ctx.user_message)\n",
        "        try:\n            found = await asyncio.to_thread(self.backend.detect, ctx.user_message)\n        except Exception:\n            found = []\n",
        of("TestDetectPII", "fails_closed"),
    ),
    broken(
        "a long message screened at its beginning only",
        DETECT_PII,
        "self.backend.detect, ctx.user_message)",
        "self.backend.detect, ctx.user_message[:1000])",
        of("TestDetectPIIRequest", "a_long_message_is_screened_to_its_end"),
    ),
    broken(
        "detections one place off",
        DETECT_PII,
        "yield Detection(kind, match.start(), end)",
        "yield Detection(kind, match.start() + 1, end)",
        of(
            "TestChat",
            "a_redacted_message_goes_upstream",
            "every_message_of_the_user_is_screened_and_no_other",
        ),
        of("TestDetectPIIRequest", "post_lands_in_audit_events"),
        "test_positions_count_the_characters_of_the_text",
    ),
    broken(
        "detections recorded after the refusal",
        PIPELINE,
        '        self.detections += found\n        if found and on_detection == "block":\n',
        '        if found and on_detection == "block":\n',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
        also=[
            (
                PIPELINE,
                '        if on_detection == "redact":',
                '        self.detections += found\n        if on_detection == "redact":',
            )
        ],
    ),
]

SECOND_ROUND = [
    broken(
        "a label cut short",
        AGENTS,
        "label=body.label, key_hash",
        "label=body.label[:5], key_hash",
        of("TestCreateAgent", "happy_path", "the_longest_label_is_kept"),
    ),
    broken(
        "the new key in the audit event",
        AGENTS,
        "created=str(agent.id))",
        "created=str(agent.id), key=key)",
        of("TestCreateAgent", "lands_in_audit_events", "the_database_holds_nothing_that_is_a_key"),
    ),
    broken(
        "never a next page",
        AGENTS,
        "page[-1].id if len(agents) > limit else None",
        "None",
        of(
            "TestListAgents",
            "later_pages_list_nothing_of_another_tenant",
            "the_pages_together_are_all_agents",
        ),
    ),
    broken(
        "only the first redacted message goes upstream",
        CHAT,
        "                message.content = context.user_message\n",
        "                if message is body.messages[0]:\n                    message.content = context.user_message\n",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
    ),
    broken(
        "a blocked message goes upstream all the same",
        CHAT,
        '        await record("chat.blocked"',
        '        await upstream.complete(body.model_dump(exclude_none=True))\n        await record("chat.blocked"',
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
    ),
    broken(
        "detections audited without their place",
        CHAT,
        "detections = [asdict(detection) for detection in found]",
        'detections = [{"kind": detection.kind} for detection in found]',
        of("TestDetectPIIRequest", "post_lands_in_audit_events"),
    ),
    broken(
        "only the last message goes upstream",
        CHAT,
        "upstream.complete(body.model_dump(exclude_none=True))",
        'upstream.complete({**body.model_dump(exclude_none=True), "messages": [body.messages[-1].model_dump()]})',
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
    ),
    broken(
        "the messages not compared under one key",
        CHAT,
        "idempotency_key, body.model_dump(), work",
        'idempotency_key, body.model_dump(exclude={"messages"}), work',
        of("TestChat", "409_on_another_request_with_the_same_key"),
    ),
    broken(
        "the model not compared under one key",
        CHAT,
        "idempotency_key, body.model_dump(), work",
        'idempotency_key, body.model_dump(exclude={"model"}), work',
        of("TestChat", "409_on_another_model_with_the_same_key"),
    ),
    broken(
        "no wait for the first request",
        IDEMPOTENCY,
        "WAIT = 30.0",
        "WAIT = -1.0",
        "test_who_comes_meanwhile_waits_for_the_answer",
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
    broken(
        "a lost connection not told",
        OPENAI,
        '        except httpx.RequestError as error:\n            raise UpstreamError(None, f"no response',
        '        except httpx.TimeoutException as error:\n            raise UpstreamError(None, f"no response',
        of("TestOpenAIClient", "tells_of[connection]"),
        "test_tries_again_after[connection]",
    ),
    broken(
        "an answer of 500 taken for one",
        OPENAI,
        "if response.is_success:",
        "if response.status_code != 400:",
        of("TestOpenAIClient", "tells_of[500]"),
        "test_gives_up_after[503]",
        "test_tries_again_after[500]",
    ),
    broken(
        "the hash of a secret audited",
        VAULT,
        "        return secret.id\n",
        "        import hashlib\n        await record('secret.set', tenant_id, hash=hashlib.sha256(value.encode()).hexdigest())\n        return secret.id\n",
        of("TestPostgresVault", "equal_plaintexts_leave_no_equal_cells"),
    ),
    broken(
        "a deletion audited as something else",
        VAULT,
        '"secret.deleted"',
        '"secret.changed"',
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
    ),
    broken(
        "redacted to nothing",
        PIPELINE,
        'f"[{detection.kind}]"',
        '""',
        of(
            "TestChat",
            "a_redacted_message_goes_upstream",
            "every_message_of_the_user_is_screened_and_no_other",
        ),
        of("TestDetectPII", "redacts"),
        "test_each_step_sees_what_the_last_one_left",
        "test_redacts[one in another]",
        "test_redacts[overlapping]",
        "test_redacts[side by side]",
        "test_redacts[two]",
    ),
    broken(
        "the second address of a line not found",
        DETECT_PII,
        "            end = match.start() + len(valid)\n            yield Detection(kind, match.start(), end)",
        "            yield Detection(kind, match.start(), match.start() + len(valid))\n            end = match.start() + 80",
        of("TestDetectPIIRequest", "each_detection_of_a_message_is_audited"),
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
    ),
    broken(
        "flagged unless set otherwise",
        SETTINGS,
        'on_detection: OnDetection = "redact"',
        'on_detection: OnDetection = "flag"',
        of(
            "TestChat",
            "a_redacted_message_goes_upstream",
            "every_message_of_the_user_is_screened_and_no_other",
        ),
    ),
    broken(
        "an error of a command ends with 0",
        COMMANDS,
        "        return 2\n",
        "        return 0\n",
        "test_a_database_that_cannot_be_used_is_one_sentence[mysql://localhost/x]",
        "test_a_database_that_cannot_be_used_is_one_sentence[postgresql://localhost:1/x]",
        "test_tenant_refuses_a_name_that_is_taken",
    ),
    broken(
        "a migration that can't be undone twice",
        MIGRATION,
        '    op.execute("drop function refuse_change")\n',
        "",
        of(
            "TestSchema",
            "each_migration_goes_up_down_and_up_again",
            "rows_survive_the_newest_migration_down_and_up",
        ),
    ),
]

THIRD_ROUND = [
    broken(
        "an unknown key quoted",
        AUTH,
        'HTTPException(401, "a valid API key is needed"',
        'HTTPException(401, f"a valid API key is needed, not {credentials and credentials.credentials}"',
        on_every_route("401_with_an_unknown_key"),
    ),
    broken(
        "a malformed key is a 500",
        AUTH,
        "    # In a separate session",
        "    _, _, key_itself = key.split('_', 2)\n    # In a separate session",
        on_every_route("401_with_a_malformed_key"),
        "TestCreateAgent::test_the_database_holds_nothing_that_is_a_key",
    ),
    broken(
        "the refusal names the tenant's id",
        AGENTS,
        '        raise HTTPException(403, "this agent belongs to another tenant")\n',
        '        raise HTTPException(403, f"this agent belongs to {agent.tenant_id}")\n',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "the refusal names the tenant",
        AGENTS,
        '        raise HTTPException(403, "this agent belongs to another tenant")\n',
        '        raise HTTPException(403, f"this agent belongs to {agent.tenant.name}")\n',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "another tenant's agent is a 404",
        AGENTS,
        '        raise HTTPException(403, "this agent belongs to another tenant")\n',
        '        raise HTTPException(404, "this agent belongs to another tenant")\n',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "a later page ends early",
        AGENTS,
        "query.limit(limit + 1)",
        "query.limit(limit + (after is None))",
        of(
            "TestListAgents",
            "later_pages_list_nothing_of_another_tenant",
            "the_pages_together_are_all_agents",
        ),
    ),
    broken(
        "the plaintext of the version before audited",
        VAULT,
        "        return secret.id\n",
        "        if number > 1:\n            old = await self._version(tenant_id, name, number - 1)\n            await record('secret.changed', tenant_id, old=old)\n        return secret.id\n",
        of("TestPostgresVault", "raw_rows_never_hold_the_plaintext"),
        "TestPostgresVault::test_a_deletion_leaves_no_ciphertext",
        also=[
            (
                VAULT,
                "    async def delete(self, tenant_id: UUID, name: str) -> None:\n        rows",
                "    async def _version(self, tenant_id, name, number):\n        async with Session() as session:\n            secret = await session.scalar(select(Secret).filter_by(tenant_id=tenant_id, name=name, version=number))\n        return self._cipher.decrypt(secret.nonce, secret.ciphertext, _place(secret)).decode()\n\n    async def delete(self, tenant_id: UUID, name: str) -> None:\n        rows",
            )
        ],
    ),
    broken(
        "the ciphertext audited",
        VAULT,
        "        return secret.id\n",
        "        await record('secret.set', tenant_id, sealed=secret.ciphertext.hex())\n        return secret.id\n",
        of("TestPostgresVault", "a_deletion_leaves_no_ciphertext"),
    ),
    broken(
        "only some versions of a secret deleted",
        VAULT,
        "delete(Secret).filter_by(tenant_id=tenant_id, name=name)",
        "delete(Secret).filter_by(tenant_id=tenant_id, name=name).where(Secret.version < 3)",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
    ),
    broken(
        "a version found by its name alone",
        VAULT,
        "query = select(Secret).filter_by(tenant_id=tenant_id, name=name)\n",
        "query = select(Secret).filter_by(tenant_id=tenant_id, name=name) if version is None else select(Secret)\n",
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "the user's text as the kind of a detection",
        DETECT_PII,
        "yield Detection(kind, match",
        "yield Detection(f'{kind} {valid}', match",
        of(
            "TestChat",
            "a_blocked_message_goes_nowhere_and_is_audited",
            "a_redacted_message_goes_upstream",
            "every_message_of_the_user_is_screened_and_no_other",
        ),
        AUDITED_DETECTIONS,
        of("TestDetectPIIRequest", "an_audit_event_holds_no_text_of_the_user"),
        "test_the_backend_finds[call +31 20 123 4567 now-kinds2]",
        "test_the_backend_finds[card 4242 4242 4242 4242-kinds5]",
        "test_the_backend_finds[jane@example.com-kinds1]",
        "test_the_backend_finds[pay to NL91 ABNA 0417 1643 00-kinds3]",
        "test_the_backend_finds[pay to nl91abna0417164300-kinds7]",
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
        "test_the_backend_finds[JANE@EXAMPLE.COM-kinds8]",
        "test_the_backend_finds[Jane <jane@example.com>-kinds10]",
    ),
    broken(
        "a message screened to 10,000 characters",
        DETECT_PII,
        "self.backend.detect, ctx.user_message)",
        "self.backend.detect, ctx.user_message[:10_000])",
        of("TestDetectPIIRequest", "a_long_message_is_screened_to_its_end"),
    ),
    broken(
        "a message screened to 100,000 characters",
        DETECT_PII,
        "self.backend.detect, ctx.user_message)",
        "self.backend.detect, ctx.user_message[:100_000])",
        of("TestDetectPIIRequest", "a_long_message_is_screened_to_its_end"),
    ),
    broken(
        "no message screened after an answer",
        CHAT,
        "                message.content = context.user_message\n",
        "                message.content = context.user_message\n            elif message.role == 'assistant':\n                break\n",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
    ),
    broken(
        "only the first two messages screened",
        CHAT,
        "for message in body.messages:",
        "for message in body.messages[:2]:",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "TestDetectPIIRequest::test_each_message_is_audited",
    ),
    broken(
        "the upstream's status passed on",
        CHAT,
        "HTTPException(502,",
        "HTTPException(error.status or 502,",
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
    ),
    broken(
        "a repeated answer without its error",
        IDEMPOTENCY,
        "return Answer(**holder.response)",
        "return Answer(holder.response['status'], {'choices': []})",
        "test_an_answer_is_kept_whatever_its_status",
        "test_who_comes_meanwhile_waits_for_the_answer",
        ONCE,
        "test_after_a_failure_the_key_is_free",
        "test_two_tenants_may_use_the_same_key",
        "test_an_answer_is_kept_for_longer_than_any_work",
    ),
    broken(
        "the key of one agent blocks the other",
        IDEMPOTENCY,
        "expired = Completion.claimed_at < func.now() - LEASE",
        "expired = Completion.claimed_at < func.now() + LEASE",
        "test_who_comes_meanwhile_waits_for_the_answer",
        may=of("TestChat", "two_at_once_give_one_audit_event"),
    ),
    broken(
        "no answer told as an empty one",
        OPENAI,
        '        answer = await self.complete({"model": model, "messages": messages, **options})\n',
        '        try:\n            answer = await self.complete({"model": model, "messages": messages, **options})\n        except UpstreamError:\n            return ""\n',
        of(
            "TestOpenAIClient",
            "tells_of[500]",
            "tells_of[connection]",
            "tells_of[no JSON]",
            "tells_of[time-out]",
        ),
        "test_gives_up_after[400]",
        "test_gives_up_after[503]",
        "test_gives_up_after[time-out]",
        "test_tells_of_an_answer_that_cannot_be_read[<html>]",
        "test_tells_of_an_answer_that_cannot_be_read[[]]",
    ),
    broken(
        "a time-out while the answer is read not told",
        OPENAI,
        "    except httpx.RequestError as error:\n        raise UpstreamError(None, f\"the upstream's response broke",
        "    except httpx.ProtocolError as error:\n        raise UpstreamError(None, f\"the upstream's response broke",
        "test_tells_of_a_partial_stream[broken]",
    ),
    broken(
        "the health of the service not told",
        APP,
        '"/healthz", _healthz)',
        '"/healthz", _healthz, status_code=503)',
        of("TestHealthz", "happy_path"),
    ),
    broken(
        "a malformed request answered with 400",
        APP,
        '"detail": detail}, 422)',
        '"detail": detail}, 400)',
        of(
            "TestCreateAgent",
            "422_on_a_malformed_request[{'content': b'{\"label\": NaN}', 'headers': {'Content-Type': 'application/json'}}]",
            "422_on_a_malformed_request[{'content': b'{', 'headers': {'Content-Type': 'application/json'}}]",
            "422_on_a_malformed_request[{'json': {'label': ''}}]",
            "422_on_a_malformed_request[{'json': {'label': '\\\\x00'}}]",
            "422_on_a_malformed_request[{'json': {'label': 'x', 'unknown': 1}}]",
            "422_on_a_malformed_request[{'json': {'label': 'x...'}}]",
            "422_on_a_malformed_request[{'json': {'label': 7}}]",
            "422_on_a_malformed_request[{'json': {}}]",
        ),
        of(
            "TestListAgents",
            "422_on_a_malformed_request[{'params': {'after': 'no-uuid'}}]",
            "422_on_a_malformed_request[{'params': {'limit': 'many'}}]",
            "422_on_a_malformed_request[{'params': {'limit': 0}}]",
            "422_on_a_malformed_request[{'params': {'limit': 101}}]",
        ),
        of("TestReadAgent", "422_on_a_malformed_request[{'url': '/v1/agents/no-uuid'}]"),
        malformed("TestChat", json={"model": "m"}),
        malformed("TestChat", json={"messages": [HELLO]}),
        malformed("TestChat", content=b"{", headers=JSON),
        malformed("TestChat", content=b'{"model": NaN}', headers=JSON),
        chat(messages=[]),
        chat(messages=[{"role": "nobody", "content": "hello"}]),
        chat(messages=[{"role": "user"}]),
        chat(messages=[{"role": "user", "content": "hi", "unknown": 1}]),
        chat(messages=[{"role": "user", "content": "x..."}]),
        chat(model="two words"),
        chat(model="x..."),
        chat(temperature=-1),
        chat(temperature=3),
        chat(max_tokens=0),
        chat(stream=True),
        chat(unknown=1),
        *(
            malformed(
                "TestChat",
                json={"model": "m", "messages": [HELLO]},
                headers={"Idempotency-Key": key},
            )
            for key in ("", "x...")
        ),
        "TestCreateAgent::test_422_on_a_malformed_request[{'json': {'label': 'a\\\\x00b'}}]",
    ),
    broken(
        "an event of no tenant of ours",
        MIGRATION,
        '        "audit_events",\n        _reference("tenant_id", "tenants"),',
        '        "audit_events",\n        sa.Column("tenant_id", sa.Uuid, nullable=False),',
        of("TestSchema", "models_and_migrations_agree"),
        "test_an_event_that_cannot_be_kept_is_an_error",
    ),
    broken(
        "two versions of one number",
        MIGRATION,
        '        sa.UniqueConstraint("tenant_id", "name", "version"),\n',
        "",
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "times without their zone",
        MIGRATION,
        "sa.DateTime(timezone=True)",
        "sa.DateTime()",
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "a new tenant's key that opens nothing",
        COMMANDS,
        "key_hash=hash_key(key))",
        "key_hash=hash_key(key + name))",
        "test_tenant_makes_an_agent_and_prints_its_key",
    ),
    broken(
        "a slug with what a person typed",
        COMMANDS,
        're.sub("[^a-z0-9]+", "-", name.lower()).strip("-")',
        "name",
        "test_secret_stores_what_it_reads",
        "test_tenant_makes_an_agent_and_prints_its_key",
        "test_tenant_refuses_a_name_that_is_taken",
    ),
]

FOURTH_ROUND = [
    broken(
        "the first page of all tenants",
        AGENTS,
        "    if after is not None:\n",
        "    if after is None:\n        query = select(Agent).order_by(Agent.id)\n    else:\n",
        of("TestListAgents", "lists_nothing_of_another_tenant"),
        # The first rows of all may be the caller's, since their ids are random.
        may=of("TestListAgents", "later_pages_list_nothing_of_another_tenant"),
    ),
    broken(
        "a revoked agent still known",
        AUTH,
        "        return await session.scalar(select(Agent).filter_by(key_hash=hash_key(key)))",
        "        found = await session.scalar(select(Agent).filter_by(key_hash=hash_key(key)))\n        return found or await session.scalar(select(Agent).limit(1))",
        on_every_route("401_with_a_malformed_key"),
        on_every_route("401_with_a_revoked_key"),
        on_every_route("401_with_an_unknown_key"),
        "TestCreateAgent::test_the_database_holds_nothing_that_is_a_key",
    ),
    broken(
        "the version given is no version",
        VAULT,
        "        return secret.id\n",
        "        return uuid4()\n",
        of(
            "TestPostgresVault",
            "a_deleted_secret_is_unreadable_and_audited",
            "an_old_version_stays_readable",
            "versions_set_at_once_are_all_kept",
        ),
        "TestPostgresVault::test_raw_rows_never_hold_the_plaintext",
    ),
    broken(
        "a nonce made of the value",
        VAULT,
        "os.urandom(12)",
        "__import__('hashlib').sha256(value.encode()).digest()[:12]",
        of(
            "TestPostgresVault",
            "equal_plaintexts_leave_no_equal_cells",
            "the_same_value_twice_has_two_nonces",
        ),
    ),
    broken(
        "the plaintext of a deleted secret kept in its event",
        VAULT,
        "        async with Session.begin() as session:\n            deleted =",
        "        kept = (await self.get(tenant_id, name))[::-1]\n        async with Session.begin() as session:\n            deleted =",
        of("TestPostgresVault", "raw_rows_never_hold_the_plaintext"),
        also=[
            (
                VAULT,
                "versions=len(deleted))",
                "versions=len(deleted), kept=kept[::-1].encode().hex())",
            )
        ],
    ),
    broken(
        "an event of another tenant",
        CHAT,
        'await record("chat.completion", agent.tenant_id, agent.id, **about)',
        'await record("chat.completion", agent.tenant_id, None, **about)',
        of("TestChat", "lands_in_audit_events"),
    ),
    broken(
        "a failing step told and not kept from going on",
        PIPELINE,
        "            await step.run(ctx)\n",
        "            try:\n                await step.run(ctx)\n            except Blocked:\n                break\n",
        of("TestChat", "a_blocked_message_goes_nowhere_and_is_audited"),
        "test_the_app_reacts_as_its_settings_say",
    ),
    broken(
        "redacted from the first detection to the end",
        PIPELINE,
        'return "".join(parts) + text[end:]',
        'return "".join(parts)',
        of("TestChat", "sends_on_what_was_asked"),
        "test_each_step_sees_what_the_last_one_left",
        "test_redacts[nothing]",
        "test_redacts[one in another]",
        "test_redacts[overlapping]",
        "test_redacts[side by side]",
        "test_redacts[two]",
    ),
    broken(
        "an answer that is no JSON taken for an empty one",
        OPENAI,
        "            return {**response.json()}",
        "            return {**response.json()} if response.text[:1] == '{' else {'choices': [{'message': {'content': ''}}]}",
        of("TestOpenAIClient", "tells_of[no JSON]"),
        "test_tells_of_an_answer_that_cannot_be_read[<html>]",
        "test_tells_of_an_answer_that_cannot_be_read[[]]",
    ),
    broken(
        "a time-out taken for an empty answer",
        OPENAI,
        '            raise UpstreamError(None, f"no response from the upstream: {error!r}") from error',
        "            if isinstance(error, httpx.TimeoutException):\n                return httpx.Response(200, json={'choices': [{'message': {'content': ''}}]})\n            raise UpstreamError(None, f\"no response from the upstream: {error!r}\") from error",
        of("TestOpenAIClient", "tells_of[time-out]"),
        "test_gives_up_after[time-out]",
        "test_tries_again_after[time-out]",
    ),
]


SETTINGS_OF_TPGEN = [
    broken(
        "every route listed as public",
        PYPROJECT,
        "[tool.tpgen.public]\n",
        "[tool.tpgen.public]\n"
        '"POST /v1/agents" = "x"\n"GET /v1/agents" = "x"\n"GET /v1/agents/{agent_id}" = "x"\n'
        '"POST /v1/chat/completions" = "x"\n',
        on_every_route("the_suite_fits_the_route"),
    ),
    broken(
        "a public route that is not listed",
        PYPROJECT,
        '"GET /healthz" = "liveness probe: holds no data"\n',
        "",
        of("TestHealthz", "the_suite_fits_the_route"),
        of("TestApp", "401_without_a_key_on_every_route_that_is_not_public"),
    ),
    broken(
        "a public route that does not exist",
        PYPROJECT,
        "[tool.tpgen.public]\n",
        '[tool.tpgen.public]\n"GET /gone" = "x"\n',
        of("TestApp", "each_public_route_exists"),
    ),
    broken(
        "input without a malformed request",
        APP,
        "async def _healthz() -> dict[str, str]:",
        "async def _healthz(number: int = 0) -> dict[str, str]:",
        "TestHealthz::test_422_on_a_malformed_request[None]",
    ),
    broken(
        "a label a letter shorter",
        AGENTS,
        "max_length=200",
        "max_length=199",
        of("TestCreateAgent", "the_longest_label_is_kept"),
    ),
]

# Cases that no change of one place of the source turns red, and where they are seen to fail.
SEEN_ELSEWHERE = {
    # These routes call no upstream: TestChat and TestCreateAgent show the case.
    "TestHealthz::test_an_error_quotes_neither_the_upstream_nor_a_key",
    "TestListAgents::test_an_error_quotes_neither_the_upstream_nor_a_key",
    "TestReadAgent::test_an_error_quotes_neither_the_upstream_nor_a_key",
    # A second head is a second file: tests/service/engine/test_schema.py.
    "TestSchema::test_migrations_have_one_head",
}

MUTATIONS = [
    *SETTINGS_OF_TPGEN,
    *STEP,
    *AUDITED,
    *CALLER,
    *SHAPE,
    *MALFORMED,
    *IDEMPOTENT,
    *UPSTREAM,
    *SECRET,
    *SCHEMA,
    *FIRST_ROUND,
    *SECOND_ROUND,
    *THIRD_ROUND,
    *FOURTH_ROUND,
]
