"""What the calls return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class AgentInfo:
    """An agent of the tenant."""

    id: UUID
    label: str
    created_at: datetime


@dataclass(frozen=True)
class NewAgent(AgentInfo):
    """A new agent.

    Attributes:
        key: its key, which is shown only once; not part of the `repr`, so that no log has it.
    """

    key: str = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """The reply to a chat.

    Attributes:
        text: the content of the message.
        raw: the whole response, with what the model's provider adds.
    """

    text: str
    raw: Mapping[str, Any] = field(repr=False)
