"""Mutations that were written from the policy page and the source alone, in four rounds.

Those that tests/mutations.py had already are left out.
"""

from tests.mutations import (
    AGENTS,
    APP,
    AUDIT,
    AUDITED_DETECTIONS,
    AUTH,
    CHAT,
    COMMANDS,
    DEPENDENCIES,
    DETECT_PII,
    IDEMPOTENCY,
    MIGRATION,
    MODELS,
    NO_NEW_AGENT,
    ONCE,
    PIPELINE,
    TEST_COMMANDS,
    TEST_SCHEMA,
    VAULT,
    broken,
    of,
    on_every_route,
)

BLIND = [
    broken(
        "key hash covers only the key's first 32 characters",
        AUTH,
        "return sha256(key.encode()).hexdigest()",
        "return sha256(key[:32].encode()).hexdigest()",
        of("TestChat", "401_with_an_unknown_key"),
        of("TestCreateAgent", "401_with_an_unknown_key"),
        of("TestListAgents", "401_with_an_unknown_key"),
        of("TestReadAgent", "401_with_an_unknown_key"),
    ),
    broken(
        "403 check compares the tenants' names, not their ids",
        AGENTS,
        "    if agent.tenant_id != caller.tenant_id:\n",
        "    if agent.tenant.name != caller.tenant.name:\n",
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "tenant filter lost on later pages of the list",
        AGENTS,
        "        query = query.where(Agent.id > after)\n",
        "        query = select(Agent).where(Agent.id > after).order_by(Agent.id)\n",
        of("TestListAgents", "later_pages_list_nothing_of_another_tenant"),
    ),
    broken(
        "create_agent flushes instead of committing",
        AGENTS,
        "    await session.commit()\n",
        "    await session.flush()\n",
        NO_NEW_AGENT,
    ),
    broken(
        "label pattern loses its anchors",
        AGENTS,
        'pattern=r"^[^\\x00]+$")',
        'pattern=r"[^\\x00]")',
        "TestCreateAgent::test_422_on_a_malformed_request[{'json': {'label': 'a\\\\x00b'}}]",
    ),
    broken(
        "falsy options are dropped on their way upstream",
        CHAT,
        "upstream.complete(body.model_dump(exclude_none=True))",
        "upstream.complete({k: v for k, v in body.model_dump().items() if v})",
        of("TestChat", "sends_on_what_was_asked"),
    ),
    broken(
        "a message may have unknown fields, which go upstream unread",
        CHAT,
        '    model_config = ConfigDict(extra="forbid")\n\n    role:',
        '    model_config = ConfigDict(extra="allow")\n\n    role:',
        "TestChat::test_422_on_a_malformed_request[{'json': {'model': 'm', 'messages': [{'role': 'user', 'content': 'hi', 'unknown': 1}]}}]",
    ),
    broken(
        "a finished claim is taken over after the lease",
        IDEMPOTENCY,
        "            where=same & expired & Completion.response.is_(None),\n",
        "            where=same & expired,\n",
        "test_an_answer_is_kept_for_longer_than_any_work",
    ),
    broken(
        "release deletes by key, not by claim id",
        IDEMPOTENCY,
        "delete(Completion).where(Completion.id == self.id)",
        "delete(Completion).where(Completion.key == self.key)",
        "test_after_a_failure_the_key_is_free",
    ),
    broken(
        "unique constraint of secrets loses the name",
        MIGRATION,
        '        sa.UniqueConstraint("tenant_id", "name", "version"),\n',
        '        sa.UniqueConstraint("tenant_id", "version"),\n',
        of(
            "TestPostgresVault",
            "a_deleted_secret_is_unreadable_and_audited",
            "a_version_belongs_to_its_tenant_and_name",
            "round_trip",
        ),
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "command tenant joins an existing tenant of the same slug",
        COMMANDS,
        "    tenant = Tenant(name=name, slug=slug)\n"
        '    agent = Agent(tenant=tenant, label="first", key_hash=hash_key(key))\n'
        "    async with connected(url), Session() as session:\n"
        "        session.add(agent)\n",
        "    async with connected(url), Session() as session:\n"
        "        tenant = await session.scalar(select(Tenant).filter_by(slug=slug))\n"
        "        tenant = tenant or Tenant(name=name, slug=slug)\n"
        '        agent = Agent(tenant=tenant, label="first", key_hash=hash_key(key))\n'
        "        session.add(agent)\n",
        "test_tenant_refuses_a_name_that_is_taken",
    ),
    broken(
        "kept answers become JSONB",
        MODELS,
        "mapped_column(JSON(none_as_null=True))",
        "mapped_column(JSONB(none_as_null=True))",
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "empty details are left out of audit events",
        AUDIT,
        "    async with Session.begin() as session:\n",
        "    detail = {name: value for name, value in detail.items() if value}\n"
        "    async with Session.begin() as session:\n",
        of("TestChat", "lands_in_audit_events"),
        "TestChat::test_the_audit_event_survives_a_failing_upstream",
    ),
    broken(
        "nonce derived from the tenant",
        VAULT,
        "            secret.nonce = os.urandom(12)\n",
        "            secret.nonce = tenant_id.bytes[:12]\n",
        of("TestPostgresVault", "the_same_value_twice_has_two_nonces"),
    ),
    broken(
        "a version id is looked up without the tenant and the name",
        VAULT,
        "            query = query.filter_by(id=version)\n",
        "            query = select(Secret).filter_by(id=version)\n",
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "delete removes only the newest version",
        VAULT,
        "        rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)\n",
        "        versions = select(Secret.id).filter_by(tenant_id=tenant_id, name=name)\n"
        "        newest = versions.order_by(Secret.version.desc()).limit(1).scalar_subquery()\n"
        "        rows = delete(Secret).where(Secret.id == newest).returning(Secret.id)\n",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        "TestPostgresVault::test_a_deletion_leaves_no_ciphertext",
    ),
    broken(
        "redact forgets the longer span around a nested one",
        PIPELINE,
        "        end = max(end, detection.end)\n",
        "        end = detection.end\n",
        "test_redacts[one in another]",
    ),
    broken(
        "the backend reads the stripped message",
        DETECT_PII,
        "asyncio.to_thread(self.backend.detect, ctx.user_message)",
        "asyncio.to_thread(self.backend.detect, ctx.user_message.strip())",
        of("TestDetectPIIRequest", "post_lands_in_audit_events"),
    ),
    broken(
        "mail addresses with an upper-case top-level domain are missed",
        DETECT_PII,
        "{1,8}[^\\W\\d_]{2,24}\\b",
        "{1,8}[a-z]{2,24}\\b",
        "test_the_backend_finds[JANE@EXAMPLE.COM-kinds8]",
    ),
    broken(
        "a stored hash is accepted as a key",
        AUTH,
        "select(Agent).filter_by(key_hash=hash_key(key))",
        "select(Agent).where(Agent.key_hash.in_([key, hash_key(key)]))",
        of("TestCreateAgent", "the_database_holds_nothing_that_is_a_key"),
    ),
    broken(
        "keys are encoded as ASCII before hashing",
        AUTH,
        "sha256(key.encode()).hexdigest()",
        'sha256(key.encode("ascii")).hexdigest()',
        of("TestChat", "401_with_a_malformed_key"),
        of("TestCreateAgent", "401_with_a_malformed_key"),
        of("TestListAgents", "401_with_a_malformed_key"),
        of("TestReadAgent", "401_with_a_malformed_key"),
    ),
    broken(
        "redacts with all detections so far, not with those of this text",
        PIPELINE,
        "redact(self.user_message, found)",
        "redact(self.user_message, self.detections)",
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "the step returns the context's detections instead of its own",
        DETECT_PII,
        "        return found\n\n\nLETTERS",
        "        return ctx.detections\n\n\nLETTERS",
        of("TestDetectPII", "returns_what_it_found_itself"),
    ),
    broken(
        "search goes on behind the greedy match, not behind the valid part",
        DETECT_PII,
        "            end = match.start() + len(valid)\n"
        "            yield Detection(kind, match.start(), end)",
        "            yield Detection(kind, match.start(), match.start() + len(valid))\n"
        "            end = match.end(1)",
        "test_the_backend_finds[BE68 5390 0754 7034 BE68 5390 0754 7034-kinds9]",
    ),
    broken(
        "the text is NFKC-normalised before the patterns see it",
        DETECT_PII,
        "import asyncio\nimport re\n",
        "import asyncio\nimport re\nimport unicodedata\n",
        "test_positions_count_the_characters_of_the_text",
        also=[
            (
                DETECT_PII,
                "_find(text, *pattern)]",
                '_find(unicodedata.normalize("NFKC", text), *pattern)]',
            )
        ],
    ),
    broken(
        "the new agent is recorded as the one who made it",
        AGENTS,
        'await record("agent.created", caller.tenant_id, caller.id, created=str(agent.id))',
        'await record("agent.created", agent.tenant_id, agent.id, created=str(agent.id))',
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "403 tells the other tenant's label and name",
        AGENTS,
        'HTTPException(403, "this agent belongs to another tenant")',
        'HTTPException(403, f"agent {agent.label} belongs to tenant {agent.tenant.name}")',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "redacted text is written back at the index among user messages",
        CHAT,
        "        for message in body.messages:\n"
        '            if message.role == "user":\n'
        "                context = Context(message.content, found)\n"
        "                await pipeline.run(context)\n"
        "                message.content = context.user_message\n",
        '        for position, message in enumerate(m for m in body.messages if m.role == "user"):\n'
        "            context = Context(message.content, found)\n"
        "            await pipeline.run(context)\n"
        "            body.messages[position].content = context.user_message\n",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
    ),
    broken(
        "each message starts a new list of detections",
        CHAT,
        "                context = Context(message.content, found)\n",
        "                context = Context(message.content)\n"
        "                found = context.detections\n",
        of("TestDetectPIIRequest", "each_message_is_audited"),
    ),
    broken(
        "the completion is recorded before the upstream is asked",
        CHAT,
        '    about = {"model": body.model, **detail}\n',
        '    about = {"model": body.model, **detail}\n'
        '    await record("chat.completion", agent.tenant_id, agent.id, **about)\n',
        of("TestChat", "the_audit_event_survives_a_failing_upstream"),
        also=[
            (
                CHAT,
                (
                    '    await record("chat.completion", agent.tenant_id, agent.id, **about)\n'
                    "    return Answer(200, answer)"
                ),
                "    return Answer(200, answer)",
            )
        ],
    ),
    broken(
        "a tenant's upstream key is remembered for ever",
        DEPENDENCIES,
        'UPSTREAM_SECRET = "upstream_api_key"\n',
        'UPSTREAM_SECRET = "upstream_api_key"\n'
        "_keys: dict[object, str] = {}  # by tenant: spares a query for each request\n",
        of("TestChat", "the_tenants_own_key_goes_upstream"),
        also=[
            (
                DEPENDENCIES,
                "        return await vault.get(agent.tenant_id, UPSTREAM_SECRET)\n",
                (
                    "        if agent.tenant_id not in _keys:\n"
                    "            _keys[agent.tenant_id] = await vault.get(agent.tenant_id, UPSTREAM_SECRET)\n"
                    "        return _keys[agent.tenant_id]\n"
                ),
            )
        ],
    ),
    broken(
        "another body is a conflict only while the first request runs",
        IDEMPOTENCY,
        "            if holder.fingerprint != self.fingerprint:\n",
        "            if holder.response is None and holder.fingerprint != self.fingerprint:\n",
        of(
            "TestChat",
            "409_on_another_model_with_the_same_key",
            "409_on_another_request_with_the_same_key",
        ),
    ),
    broken(
        "a claim that is taken over keeps its old time",
        IDEMPOTENCY,
        'set_={"id": self.id, "claimed_at": func.now()},',
        'set_={"id": self.id},',
        "test_the_key_of_a_dead_process_is_taken_over",
    ),
    broken(
        "the key column is made for UUIDs and hashes only",
        MIGRATION,
        'sa.Column("key", sa.String, nullable=False)',
        'sa.Column("key", sa.String(64), nullable=False)',
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "a failed audit write is only logged",
        AUDIT,
        "from typing import Any\nfrom uuid import UUID\n\nfrom .database import Session\n",
        "import logging\n"
        "from typing import Any\n"
        "from uuid import UUID\n"
        "\n"
        "from sqlalchemy.exc import SQLAlchemyError\n"
        "\n"
        "from .database import Session\n",
        "test_an_event_that_cannot_be_kept_is_an_error",
        also=[
            (
                AUDIT,
                (
                    "    async with Session.begin() as session:\n"
                    "        session.add(AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail))\n"
                ),
                (
                    "    event = AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail)\n"
                    "    try:\n"
                    "        async with Session.begin() as session:\n"
                    "            session.add(event)\n"
                    "    except SQLAlchemyError:\n"
                    '        logging.getLogger(__name__).exception("event %s was not recorded", kind)\n'
                ),
            )
        ],
    ),
    broken(
        "an unknown version falls back to the newest",
        VAULT,
        "            query = query.filter_by(id=version)\n",
        "            query = query.order_by((Secret.id == version).desc())\n",
        of("TestPostgresVault", "a_version_belongs_to_its_tenant_and_name"),
    ),
    broken(
        "values are kept as Latin-1",
        VAULT,
        "value.encode(), _place(secret))",
        'value.encode("latin-1", "replace"), _place(secret))',
        "TestPostgresVault::test_round_trip_of_any_text[non-ASCII]",
        also=[(VAULT, "_place(secret)).decode()", '_place(secret)).decode("latin-1")')],
    ),
    broken(
        "set records its value in the audit log",
        VAULT,
        "        return secret.id\n",
        '        await record("secret.stored", tenant_id, name=name, value=value)\n'
        "        return secret.id\n",
        of(
            "TestPostgresVault",
            "a_deletion_leaves_no_ciphertext",
            "equal_plaintexts_leave_no_equal_cells",
            "raw_rows_never_hold_the_plaintext",
        ),
    ),
    broken(
        "the reaction set by ON_DETECTION does not reach the step",
        APP,
        "DetectPII(RegexDetector(), settings.on_detection)",
        "DetectPII(RegexDetector())",
        "test_the_app_reacts_as_its_settings_say",
    ),
    broken(
        "another tenant's agent is hidden behind 404",
        AGENTS,
        "    if agent is None:\n"
        '        raise HTTPException(404, "there is no such agent")\n'
        "    if agent.tenant_id != caller.tenant_id:\n"
        '        raise HTTPException(403, "this agent belongs to another tenant")\n',
        "    if agent is None or agent.tenant_id != caller.tenant_id:\n"
        '        raise HTTPException(404, "there is no such agent")\n',
        of("TestReadAgent", "403_with_the_key_of_another_tenant"),
    ),
    broken(
        "nulls are left out of the list's answer",
        AGENTS,
        '@router.get("", response_model=AgentPage)',
        '@router.get("", response_model=AgentPage, response_model_exclude_none=True)',
        of(
            "TestListAgents",
            "happy_path",
            "later_pages_list_nothing_of_another_tenant",
            "the_pages_together_are_all_agents",
        ),
    ),
    broken(
        "create_agent records its event before the commit",
        AGENTS,
        "    await session.commit()\n"
        '    await record("agent.created", caller.tenant_id, caller.id, created=str(agent.id))\n',
        '    await record("agent.created", caller.tenant_id, caller.id, created=str(agent.id))\n'
        "    await session.commit()\n",
        of("TestCreateAgent", "lands_in_audit_events"),
    ),
    broken(
        "a role may be any text",
        CHAT,
        "from typing import Annotated, Any, Literal\n",
        "from typing import Annotated, Any\n",
        "TestChat::test_422_on_a_malformed_request[{'json': {'model': 'm', 'messages': [{'role': 'nobody', 'content': 'hello'}]}}]",
        also=[
            (
                CHAT,
                '    role: Literal["system", "user", "assistant"]\n',
                "    role: str = Field(max_length=20)\n",
            )
        ],
    ),
    broken(
        "equal detections are recorded once",
        CHAT,
        '"detections": [asdict(detection) for detection in found]}',
        '"detections": [asdict(detection) for detection in dict.fromkeys(found)]}',
        of("TestDetectPIIRequest", "each_message_is_audited"),
        also=[
            (
                CHAT,
                "detections = [asdict(detection) for detection in found]",
                "detections = [asdict(detection) for detection in dict.fromkeys(found)]",
            )
        ],
    ),
    broken(
        "chat.failed loses the detections",
        CHAT,
        "status=error.status, **about)",
        "status=error.status, model=body.model)",
        "TestChat::test_the_audit_event_survives_a_failing_upstream",
    ),
    broken(
        "events are written in the background",
        AUDIT,
        "from typing import Any\n",
        "import asyncio\nfrom typing import Any\n",
        of(
            "TestChat",
            "409_on_another_model_with_the_same_key",
            "409_on_another_request_with_the_same_key",
            "a_blocked_message_goes_nowhere_and_is_audited",
            "lands_in_audit_events",
            "the_audit_event_survives_a_failing_upstream",
            "the_tenants_own_key_goes_upstream",
            "two_identical_requests_give_one_audit_event",
        ),
        of(
            "TestCreateAgent",
            "lands_in_audit_events",
            "the_database_holds_nothing_that_is_a_key",
            "the_new_key_works",
        ),
        AUDITED_DETECTIONS,
        of("TestDetectPIIRequest", "an_audit_event_holds_no_text_of_the_user"),
        of(
            "TestPostgresVault",
            "a_deleted_secret_is_unreadable_and_audited",
            "a_deletion_leaves_no_ciphertext",
            "raw_rows_never_hold_the_plaintext",
        ),
        "test_an_event_says_who_did_what",
        "test_an_event_that_cannot_be_kept_is_an_error",
        also=[
            (
                AUDIT,
                "from .models import AuditEvent\n",
                "from .models import AuditEvent\n\n_writing: set[asyncio.Task[None]] = set()\n",
            ),
            (
                AUDIT,
                (
                    "    async with Session.begin() as session:\n"
                    "        session.add(AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail))\n"
                ),
                (
                    "    event = AuditEvent(kind=kind, tenant_id=tenant_id, agent_id=agent_id, detail=detail)\n"
                    "    task = asyncio.create_task(_write(event))\n"
                    "    _writing.add(task)\n"
                    "    task.add_done_callback(_writing.discard)\n"
                    "\n"
                    "\n"
                    "async def _write(event: AuditEvent) -> None:\n"
                    "    async with Session.begin() as session:\n"
                    "        session.add(event)\n"
                ),
            ),
        ],
    ),
    broken(
        "the version id is made of the value",
        VAULT,
        "from uuid import UUID, uuid4\n",
        "from uuid import UUID, uuid5\n",
        of(
            "TestPostgresVault",
            "equal_plaintexts_leave_no_equal_cells",
            "the_same_value_twice_has_two_nonces",
        ),
        "TestPostgresVault::test_a_deletion_leaves_no_ciphertext",
        also=[
            (
                VAULT,
                "Secret(id=uuid4(), tenant_id=tenant_id, name=name, version=number)",
                (
                    "Secret(\n"
                    '                id=uuid5(tenant_id, f"{name}/{value}"), tenant_id=tenant_id, name=name, version=number\n'
                    "            )"
                ),
            )
        ],
    ),
    broken(
        "delete empties the rows instead of removing them",
        VAULT,
        "from sqlalchemy import delete, func, select\n",
        "from sqlalchemy import func, select, update\n",
        of("TestPostgresVault", "a_deleted_secret_is_unreadable_and_audited"),
        also=[
            (
                VAULT,
                "        rows = delete(Secret).filter_by(tenant_id=tenant_id, name=name).returning(Secret.id)\n",
                (
                    "        rows = update(Secret).filter_by(tenant_id=tenant_id, name=name)\n"
                    '        rows = rows.values(ciphertext=b"").returning(Secret.id)\n'
                ),
            )
        ],
    ),
    broken(
        "a detection at the very start leaves no mark",
        PIPELINE,
        "        if detection.start >= end:\n",
        "        if detection.start > end:\n",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        "test_redacts[side by side]",
    ),
    broken(
        "a failing backend counts as nothing found",
        DETECT_PII,
        "import asyncio\n",
        "import asyncio\nimport logging\n",
        of("TestDetectPII", "fails_closed"),
        also=[
            (
                DETECT_PII,
                "        found = await asyncio.to_thread(self.backend.detect, ctx.user_message)\n",
                (
                    "        try:\n"
                    "            found = await asyncio.to_thread(self.backend.detect, ctx.user_message)\n"
                    "        except Exception:\n"
                    '            logging.getLogger(__name__).exception("%s: the backend failed", self.name)\n'
                    "            found = []\n"
                ),
            )
        ],
    ),
    broken(
        "account numbers are checked in upper case only",
        DETECT_PII,
        '    compact = text.replace(" ", "").upper()\n',
        '    compact = text.replace(" ", "")\n',
        "test_the_backend_finds[pay to nl91abna0417164300-kinds7]",
    ),
    broken(
        "personal data must follow white space",
        DETECT_PII,
        "(?<![\\w+])(?=({pattern}))",
        "(?<!\\S)(?=({pattern}))",
        "test_the_backend_finds[Jane <jane@example.com>-kinds10]",
    ),
    broken(
        "422 repeats the context of an error",
        APP,
        '    kept = ("type", "loc", "msg")\n',
        '    kept = ("type", "loc", "msg", "ctx")\n',
        "TestChat::test_422_on_a_malformed_request[{'json': {'model': 'm', 'messages': [{'role': 'user', 'content': 'hello'}], 'stream': True}}]",
        also=[
            (
                APP,
                "{key: fault[key] for key in kept}",
                "{key: fault[key] for key in kept if key in fault}",
            )
        ],
    ),
    broken(
        "each event needs an agent",
        MIGRATION,
        '_reference("agent_id", "agents", nullable=True),',
        '_reference("agent_id", "agents"),',
        of(
            "TestPostgresVault",
            "a_deleted_secret_is_unreadable_and_audited",
            "a_deletion_leaves_no_ciphertext",
            "raw_rows_never_hold_the_plaintext",
        ),
        of("TestSchema", "models_and_migrations_agree"),
    ),
    broken(
        "an unknown key is answered with 403",
        AUTH,
        'raise HTTPException(401, "a valid API key',
        'raise HTTPException(403 if credentials else 401, "a valid API key',
        on_every_route("401_with_a_malformed_key"),
        on_every_route("401_with_a_revoked_key"),
        on_every_route("401_with_an_unknown_key"),
        of("TestCreateAgent", "the_database_holds_nothing_that_is_a_key"),
    ),
    broken(
        "only the last message screened",
        CHAT,
        "for message in body.messages:",
        "for message in body.messages[-1:]:",
        of("TestChat", "every_message_of_the_user_is_screened_and_no_other"),
        of("TestDetectPIIRequest", "each_message_is_audited"),
    ),
    broken(
        "the Idempotency-Key is read from another header",
        IDEMPOTENCY,
        'Header(max_length=255, pattern="^[ -~]+$")',
        'Header(alias="X-Idempotency-Key", max_length=255, pattern="^[ -~]+$")',
        ONCE,
        of(
            "TestChat",
            "409_on_another_model_with_the_same_key",
            "409_on_another_request_with_the_same_key",
            "422_on_a_malformed_request[{'json': {'model': 'm', 'messages': [{'role': 'user', 'content': 'hello'}]}, 'headers': {'Idempotency-Key': ''}}]",
            "422_on_a_malformed_request[{'json': {'model': 'm', 'messages': [{'role': 'user', 'content': 'hello'}]}, 'headers': {'Idempotency-Key': 'x...'}}]",
        ),
    ),
    broken(
        "a deletion is never committed",
        VAULT,
        "        async with Session.begin() as session:\n            deleted =",
        "        async with Session() as session:\n            deleted =",
        of(
            "TestPostgresVault",
            "a_deleted_secret_is_unreadable_and_audited",
            "a_deletion_leaves_no_ciphertext",
        ),
    ),
    broken(
        "no step runs after one that found something",
        PIPELINE,
        "            await step.run(ctx)\n",
        "            if await step.run(ctx):\n                break\n",
        "test_each_step_sees_what_the_last_one_left",
    ),
    broken(
        "the step returns what it found only where it redacts",
        DETECT_PII,
        "        return found\n",
        '        return found if self.on_detection == "redact" else []\n',
        of("TestDetectPII", "detects", "returns_what_it_found_itself"),
    ),
    broken(
        "two tenants of one slug",
        MIGRATION,
        'sa.Column("slug", sa.String, unique=True, nullable=False)',
        'sa.Column("slug", sa.String, nullable=False)',
        of("TestSchema", "models_and_migrations_agree"),
        "test_tenant_refuses_a_name_that_is_taken",
        only=(TEST_COMMANDS, TEST_SCHEMA),
    ),
    broken(
        "the nonce ends with a part of the secret",
        VAULT,
        "secret.nonce = os.urandom(12)",
        "secret.nonce = os.urandom(8) + value.encode()[-4:].rjust(4)",
        of("TestPostgresVault", "raw_rows_never_hold_the_plaintext"),
    ),
    broken(
        "an answer is kept for every tenant that used the key",
        IDEMPOTENCY,
        "mine = update(Completion).where(Completion.id == self.id)",
        "mine = update(Completion).where(Completion.key == self.key)",
        "test_two_tenants_may_use_the_same_key",
    ),
]
