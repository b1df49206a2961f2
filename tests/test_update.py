"""`copier update`: a changed number of the policy reaches a service that was edited since."""

import sys
from pathlib import Path

from tests.hooks import repository, template


def test_a_changed_number_reaches_a_service(tmp_path: Path) -> None:
    """In all files that say it, and no line of the person's is lost."""
    source = template(tmp_path / "tpgen", "v0.1.0")
    service = tmp_path / "service"
    copier = [sys.executable, "-m", "copier"]
    done = source.run(
        *copier, "copy", "--quiet", "--defaults", f"git+file://{source.path}", str(service)
    )
    assert done.code == 0, done.text
    mine = repository(service)
    starter = service / "tests/factories.py"
    starter.write_text(starter.read_text() + "\n# mine\n")
    assert mine.commit({}).code == 0

    numbers = source.path / "questions/policy.yml"
    numbers.write_text(numbers.read_text().replace("new_code: 85", "new_code: 90"))
    assert source.commit({}).code == 0
    source.git("tag", "v0.2.0")

    done = mine.run(*copier, "update", "--quiet", "--defaults")
    assert done.code == 0, done.text
    assert "new_code = 90" in (service / "tests/policy/policy.toml").read_text()
    assert "target: 90%" in (service / "codecov.yml").read_text()
    assert 'rev: "v0.2.0"' in (service / ".pre-commit-config.yaml").read_text()
    assert starter.read_text().endswith("\n# mine\n")
