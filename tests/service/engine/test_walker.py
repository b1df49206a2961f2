"""The walker gives what the real routers do, for the versions of FastAPI that are supported."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.service.engine.environments import ENGINE, environment, run

# The first of the tree of routes, before FastAPI had a public function to read it, is 0.137.0.
VERSIONS = ["0.115.0", "0.137.0", "0.165.0"]


@pytest.fixture(scope="module", params=VERSIONS)
def walked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the walker and the routers of a FastAPI say of one app."""
    folder = tmp_path_factory.mktemp("fastapi") / "venv"
    python = environment(folder, f"fastapi=={request.param}", "httpx")
    script = Path(__file__).with_name("walked.py")
    code, said = run(python, "-W", "ignore", script, PYTHONPATH=str(ENGINE))
    assert code == 0, said
    result = json.loads(said)
    assert result["version"] == request.param
    return result


def test_the_endpoint_that_answers_is_the_one_found(walked: Any) -> None:
    assert walked["differences"] == []


def test_the_table_is_the_same_for_each_version(walked: Any) -> None:
    routes = {(path, *methods): rest for path, methods, *rest in walked["table"] if not rest[4]}
    assert len(walked["table"]) == 56
    # The name, whether it is in the schema and a WebSocket, where it is mounted, its host.
    expected = {
        ("/v1/agents/{agent_id}/keys/{key_id}", "PATCH", "PUT"): [
            "change_key",
            True,
            False,
            "",
            "",
        ],
        ("/v1/agents/{agent_id}/socket",): ["socket", False, True, "", ""],
        ("/v1/plain/{n}", "GET", "HEAD"): ["included_plain", False, False, "", ""],
        ("/hidden", "GET"): ["hidden", False, False, "", ""],
        ("/files/{path}", "GET"): ["file", True, False, "", ""],
        ("/partial", "GET"): ["partial_endpoint", True, False, "", ""],
        ("/object", "GET"): ["callable_object", True, False, "", ""],
        ("/class", "GET", "HEAD"): ["ByClass", False, False, "", ""],
        ("/sub/items/{item}", "GET"): ["sub_item", True, False, "/sub", ""],
        ("/t/{tenant}/deeper/leaf/{n}", "GET"): ["leaf", True, False, "/t/{tenant}/deeper", ""],
        ("/opaque/{path}",): ["opaque", False, False, "", ""],
        ("/wrapped/items/{item}", "GET"): ["sub_item", True, False, "/wrapped", ""],
        ("/listed/z", "GET", "HEAD"): ["listed_z", False, False, "/listed", ""],
        ("/listed/ws",): ["socket", False, True, "/listed", ""],
        ("/ws/{room}",): ["socket", False, True, "", ""],
    }
    assert {route: routes.get(route) for route in expected} == expected


def test_routes_of_a_host_name_it(walked: Any) -> None:
    hosts = {(host, path) for path, _, _, _, _, _, host in walked["table"] if host}
    assert hosts == {
        ("admin.example", "/hosted"),
        ("{tenant}.example", "/"),
        ("{tenant}.example", "/items/{item}"),
        ("{tenant}.example", "/silent"),
        ("{tenant}.example", "/deeper/leaf/{n}"),
    }


def test_an_app_in_middleware_has_the_same_routes(walked: Any) -> None:
    assert walked["same_in_middleware"]


def test_a_websocket_is_found_by_its_own_method_alone(walked: Any) -> None:
    assert (walked["socket"], walked["socket_by_get"]) == ("socket", "")


def test_input_is_seen_in_sub_apps_and_hidden_routes(walked: Any) -> None:
    """Neither a credential nor a text that may be anything is input that can be malformed."""
    takes = {url for url, takes in walked["takes_input"].items() if takes}
    assert takes == {"/v2/agents", "/hidden/3", "/int/3"}


def test_the_app_keeps_no_document_of_ours(walked: Any) -> None:
    """The test that asks for it gets its warnings, whichever tests ran before."""
    assert walked["kept_document"] is None


def test_a_list_of_rows_is_an_array_of_objects_or_a_page_of_them(walked: Any) -> None:
    assert walked["lists"] == [
        "GET /sub/1/folders",
        "GET /sub/2/folders",
        "GET /sub/4/folders",
        "GET /sub/5/folders",
        "GET /sub/8/folders",
        "GET /sub/9/folders",
        "GET /sub/found",
        "GET /sub/slash/folders/",
    ]
