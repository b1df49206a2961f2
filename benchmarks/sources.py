"""Whether this machine has a Docker with the policy's image."""

from .service import BenchmarkFailed, Service


def no_docker(service: Service) -> str:
    """Why a container can't be measured here; empty where it can."""
    try:
        service.run("python", "-m", "tests.policy.postgres", "true", TEST_POSTGRES="docker")
    except BenchmarkFailed as error:
        return f"no Docker ({str(error).strip().splitlines()[-1]})"
    return ""
