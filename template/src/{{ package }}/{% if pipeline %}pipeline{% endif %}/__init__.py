"""The pipeline: steps that read what users write, before an upstream does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

OnDetection = Literal["redact", "block", "flag"]


@dataclass(frozen=True)
class Detection:
    """Something found, at `start:end` of the text that the step read; never the text itself."""

    kind: str
    start: int
    end: int


class Blocked(Exception):
    """A step refused the message."""


@dataclass
class Context:
    """One message on its way through the steps."""

    user_message: str
    detections: list[Detection] = field(default_factory=list)

    def react(self, found: Sequence[Detection], on_detection: OnDetection) -> None:
        """Record what a step found, then redact it, refuse the message, or leave it as it is.

        Raises:
            Blocked: something was found, and `on_detection` is "block".
        """
        self.detections += found
        if found and on_detection == "block":
            raise Blocked(f"the message holds {', '.join(sorted({d.kind for d in found}))}")
        if on_detection == "redact":
            self.user_message = redact(self.user_message, found)


class Step(Protocol):
    """One look at a message."""

    name: str

    async def run(self, ctx: Context) -> list[Detection]:
        """Return what was found, after `ctx.react` to it.

        Raises:
            Blocked: the message must go no further.
        """


class Pipeline:
    """Steps, in the order in which they see each message."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    async def run(self, ctx: Context) -> None:
        """Send `ctx` through all steps.

        Raises:
            Blocked: a step refused; `ctx.detections` has what was found until then.
        """
        for step in self.steps:
            await step.run(ctx)


def redact(text: str, found: Sequence[Detection]) -> str:
    """Return `text` with `[kind]` where something was found; overlapping spans become one."""
    parts: list[str] = []
    end = 0
    for detection in sorted(found, key=lambda d: (d.start, -d.end)):
        if detection.start >= end:
            parts += text[end : detection.start], f"[{detection.kind}]"
        end = max(end, detection.end)
    return "".join(parts) + text[end:]
