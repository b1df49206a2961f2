"""TPG302: which components of a rendered service lack their suite."""

import re

import pytest
from tpgen.check import project

from tests.checking import check
from tests.rendering import Service

STEPS = "src/gateway/pipeline/steps"
UNIT = "tests/unit/pipeline/steps"
STEP = '"""A step."""\n\n\nclass DetectKeys:\n    async def run(self, ctx: object) -> list[str]:\n        return []\n'
ROUTES = """\
from fastapi import APIRouter

router = APIRouter(prefix="/invoices")


@router.get("/{{number}}")
async def read_invoice(number: int) -> int:
    return number


@router.{verb}
async def make_invoice() -> int:
    return 1
"""


def lacking(service: Service) -> set[str]:
    found = check(project.find(service.path, []), "TPG302")
    return {re.search(r"`tpgen ([^`]*)`", one.message)[1] for one in found}  # type: ignore[index]


def test_a_fresh_copy_lacks_nothing(service: Service) -> None:
    assert lacking(service) == set()


def test_a_step_needs_both_of_its_suites(service: Service) -> None:
    service.write({f"{STEPS}/detect_keys.py": STEP})
    (one,) = check(project.find(service.path, []), "TPG302")
    assert one.path == f"{STEPS}/detect_keys.py"
    assert re.findall(r"from (\w+)", one.message) == ["StepSuite", "StepRequestSuite"]
    service.tpgen("step", "detect_keys")
    (service.path / UNIT / "test_detect_keys.py").unlink()
    (one,) = check(project.find(service.path, []), "TPG302")
    assert re.findall(r"from (\w+)", one.message) == ["StepSuite"]


def test_what_the_command_writes_is_what_it_lacked(service: Service) -> None:
    service.write({f"{STEPS}/detect_keys.py": STEP})
    assert lacking(service) == {"step detect_keys"}
    assert service.tpgen("step", "detect_keys").code == 0
    assert lacking(service) == set()


def test_a_class_in_any_file_that_speaks_of_the_component_serves(service: Service) -> None:
    """Also by way of a base of the person's own."""
    (service.path / UNIT / "test_detect_pii.py").unlink()
    assert lacking(service) == {"step detect_pii"}
    service.write(
        {
            "tests/unit/bases.py": "from tests.policy.suites.step import StepSuite\n\n\n"
            "class OurSuite(StepSuite):\n    pass\n",
            "tests/unit/test_all_steps.py": "from gateway.pipeline.steps.detect_pii import "
            "DetectPII\n\nfrom tests.unit.bases import OurSuite\n\n\n"
            "class TestSteps(OurSuite):\n    step = DetectPII\n",
        }
    )
    assert lacking(service) == set()


@pytest.mark.parametrize("said", ["# DetectPII", '"""DetectPII"""', 'NAME = "DetectPII"'])
def test_a_class_that_only_mentions_the_component_does_not_serve(
    service: Service, said: str
) -> None:
    (service.path / UNIT / "test_detect_pii.py").unlink()
    other = "from tests.policy.suites.step import StepSuite\n\n\nclass TestSteps(StepSuite):\n"
    service.write({"tests/unit/test_all_steps.py": f"{said}\n{other}    looks = None\n"})
    assert lacking(service) == {"step detect_pii"}


def test_a_test_without_the_suite_does_not_serve(service: Service) -> None:
    service.write(
        {f"{UNIT}/test_detect_pii.py": "def test_detect_pii() -> None:\n    assert 1 + 1 == 2\n"}
    )
    assert lacking(service) == {"step detect_pii"}


@pytest.mark.parametrize(
    ("verb", "method"),
    [('post("")', "POST"), ('api_route(path="/all", methods=["PUT"])', "PUT")],
)
def test_a_route_that_no_class_states_lacks_its_suite(
    service: Service, verb: str, method: str
) -> None:
    service.write({"src/gateway/api/invoices.py": ROUTES.format(verb=verb)})
    made = "/v1/invoices/all" if method == "PUT" else "/v1/invoices"
    assert lacking(service) == {f"route {method} {made}", "route GET /v1/invoices/{number}"}


def test_what_is_said_of_a_route_is_what_the_app_calls_it(service: Service) -> None:
    """Below the prefix with which the app includes its routers: the command finds it there."""
    router = '\n\n@router.get("/{agent_id}/label")\nasync def label(agent_id: str) -> str:\n    return agent_id\n'
    agents = service.path / "src/gateway/api/agents.py"
    agents.write_text(agents.read_text() + router)
    assert lacking(service) == {"route GET /v1/agents/{agent_id}/label"}
    done = service.tpgen("route", "GET", "/v1/agents/{agent_id}/label")
    assert "not in the app yet" not in done.text
    assert lacking(service) == set()


@pytest.mark.parametrize("prefix", ["settings.api_prefix", 'f"/{settings.api}"', '"/v" + "1"'])
def test_a_prefix_is_not_guessed(prefix: str, service: Service) -> None:
    """Where it is no text."""
    service.write({"src/gateway/api/invoices.py": ROUTES.format(verb='post("")')})
    service.replace("src/gateway/app.py", "prefix=API_PREFIX", f"prefix={prefix}")
    assert lacking(service) == {"route POST PATH", "route GET PATH"}
    [message, _] = [one.message for one in check(project.find(service.path, []), "TPG302")]
    assert message.startswith("route GET …/invoices/{number} has no test class")
    assert message.endswith(
        "PATH is its path in the app, whose prefix can't be read from the source"
    )


def test_nested_prefixes_are_not_guessed(service: Service) -> None:
    """Only the app knows the path of a route whose router is included by another router."""
    service.write({"src/gateway/api/invoices.py": ROUTES.format(verb='put("")')})
    service.replace("src/gateway/api/invoices.py", 'APIRouter(prefix="/invoices")', "APIRouter()")
    agents = service.path / "src/gateway/api/agents.py"
    nested = (
        "\n\nfrom . import invoices\nrouter.include_router(invoices.router, prefix='/{agent_id}')\n"
    )
    agents.write_text(agents.read_text() + nested)
    assert "route PUT PATH" in lacking(service)


def test_a_route_below_a_prefix_is_known_by_its_end(service: Service) -> None:
    service.write(
        {
            "src/gateway/api/invoices.py": ROUTES.format(verb='post("")'),
            "tests/integration/api/test_invoices.py": """\
from tests.policy.suites.route import RouteSuite

PATH = "/v1/invoices"


class TestMake(RouteSuite):
    method = "POST"
    path = PATH


class TestRead(RouteSuite):
    method = "GET"
    path = f"{PATH}/7"
""",
        }
    )
    assert lacking(service) == set()


def test_a_model_needs_a_factory(service: Service) -> None:
    service.replace("tests/factories.py", "model = Tenant", "model = Other")
    assert lacking(service) == {"factory Tenant"}


def test_code_that_can_not_be_parsed_hides_nothing_else(service: Service) -> None:
    service.write({f"{STEPS}/broken.py": "class Broken(:\n", f"{STEPS}/detect_keys.py": STEP})
    assert lacking(service) == {"step detect_keys"}
