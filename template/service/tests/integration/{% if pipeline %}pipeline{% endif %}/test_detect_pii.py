"""The step detect_pii, in the app."""

from tests.policy.suites.step import StepRequestSuite


class TestDetectPIIRequest(StepRequestSuite):
    # Required cases of StepRequestSuite (tests/policy/suites/step.py):
    #   test_post_lands_in_audit_events, test_each_detection_of_a_message_is_audited,
    #   test_each_message_is_audited, test_an_audit_event_holds_no_text_of_the_user,
    #   test_a_long_message_is_screened_to_its_end
    message = "  write to jane@example.com"
    detections = [{"kind": "email", "start": 11, "end": 27}]
