"""Which Postgres this machine gives the service."""

from .service import BenchmarkFailed, Service


def version(service: Service, source: str) -> str:
    """The server that a source starts, as the suite's header shows it.

    Raises:
        BenchmarkFailed: it starts none.
    """
    said = service.run("python", "-m", "pytest_tpgen.postgres", "true", TEST_POSTGRES=source)
    return said.strip().rpartition("postgres: ")[2]


def no_docker(service: Service) -> str:
    """Why a container can't be measured here; empty where it can."""
    try:
        version(service, "docker")
    except BenchmarkFailed as error:
        return f"no Docker: {str(error).strip().splitlines()[-1]}"
    return ""
