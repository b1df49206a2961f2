"""The pipeline: steps that screen the messages of users before the upstream receives them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

OnDetection = Literal["redact", "block", "flag"]


@dataclass(frozen=True)
class Detection:
    """A finding at `start:end` of the text that the step read. It does not contain the text."""

    kind: str
    start: int
    end: int


class Blocked(Exception):
    """A step blocked the message."""


@dataclass
class Context:
    """A message that the steps process."""

    user_message: str
    detections: list[Detection] = field(default_factory=list)

    def react(self, found: Sequence[Detection], on_detection: OnDetection) -> None:
        """Record the detections of a step, then redact them or block the message.

        Raises:
            Blocked: there are detections, and `on_detection` is "block".
        """
        self.detections += found
        if found and on_detection == "block":
            raise Blocked(f"the message contains {', '.join(sorted({d.kind for d in found}))}")
        if on_detection == "redact":
            self.user_message = redact(self.user_message, found)


class Step(Protocol):
    """A step of the pipeline."""

    name: str

    async def run(self, ctx: Context) -> list[Detection]:
        """Return the detections, after a call of `ctx.react` with them.

        Raises:
            Blocked: the message must not be sent.
        """


class Pipeline:
    """Runs steps in order on each message."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = steps

    async def run(self, ctx: Context) -> None:
        """Run all steps on `ctx`.

        Raises:
            Blocked: a step blocked the message; `ctx.detections` has the detections so far.
        """
        for step in self.steps:
            await step.run(ctx)


def redact(text: str, found: Sequence[Detection]) -> str:
    """Return `text` with `[kind]` in place of each detection; overlapping detections are merged."""
    parts: list[str] = []
    end = 0
    for detection in sorted(found, key=lambda d: (d.start, -d.end)):
        if detection.start >= end:
            parts += text[end : detection.start], f"[{detection.kind}]"
        end = max(end, detection.end)
    return "".join(parts) + text[end:]
