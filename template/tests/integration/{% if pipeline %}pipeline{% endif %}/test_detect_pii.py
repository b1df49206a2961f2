"""The step detect_pii, in the app."""

from tests.policy.suites.step import StepRequestSuite


class TestDetectPIIRequest(StepRequestSuite):
    # Required cases of StepRequestSuite (tests/policy/suites/step.py):
    #   test_post_lands_in_audit_events
    message = "write to jane@example.com"
    detections = [{"kind": "email", "start": 9, "end": 25}]
