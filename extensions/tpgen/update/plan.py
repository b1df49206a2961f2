"""What an update is going to do, as far as it is known before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .locking import Lock
from .own_files import OwnFile
from .policy_changes import Change


@dataclass(frozen=True)
class Update:
    """An update of a service.

    Attributes:
        source: where the template is.
        old: the version that the service was made from.
        new: the one that it gets.
        policy: what the policy says otherwise.
        files: state and path of each file of the template that changes; two paths where renamed.
        asked: questions that are new, each with the answer that is taken.
        dropped: answers that the template asks for no more.
        own: the service's own files that need new names or fixtures.
        lock: the lock file that must follow; None if the engine does not change.
    """

    source: str
    old: str
    new: str
    policy: Sequence[Change] = ()
    files: Sequence[tuple[str, ...]] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    dropped: Sequence[str] = ()
    own: Sequence[OwnFile] = ()
    lock: Lock | None = None

    @property
    def waits(self) -> bool:
        """Whether there is anything to update to."""
        return self.old != self.new
