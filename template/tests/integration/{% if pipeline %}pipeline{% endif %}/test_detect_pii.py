"""The step detect_pii, in the app."""

from tests.policy.suites.step import StepRequestSuite


class TestDetectPIIRequest(StepRequestSuite):
    message = "write to jane@example.com"
    detections = [{"kind": "email", "start": 9, "end": 25}]
