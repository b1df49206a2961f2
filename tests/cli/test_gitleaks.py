"""Keys hidden as people hide them, in real repositories, from a real gitleaks.

Where a test says "upstream's scan", it is the usual `gitleaks git .`: it must miss what our scan
finds, or the test would prove nothing.
"""

import gzip
import hashlib
import io
import re
import shutil
import subprocess
import zipfile
from base64 import b64encode
from pathlib import Path
from string import ascii_lowercase

import pytest

from tests.checking import tpgen
from tests.hooks import (
    Repository,
    gitleaks,
    key,
    live_key,
    once,
    path_with,
    recorder,
    reported,
    repository,
)
from tests.rendering import Service

OURS = "tp-live-key"
# Put together, or it would silence the scan of our own repository.
ALLOW = f"{gitleaks.__name__}:allow"
TEST_LINE = f'API_KEY = "{key("test")}"\n'
LINE = f'KEY = "{live_key()}"\n'


def zipped(text: str) -> bytes:
    """An archive with one file, which git takes for binary."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("settings.py", text)
    return file.getvalue()


# Where a key is hidden, and what of it is committed.
HIDDEN: dict[str, dict[str, str | bytes]] = {
    "an alphabet in the key": {"src/alphabet.py": f'KEY = "{live_key(ascii_lowercase)}"\n'},
    "a lock file": {"package-lock.json": f'{{"key": "{live_key()}"}}\n'},
    "another lock file": {"poetry.lock": LINE},
    "what looks like a picture": {"docs/logo.svg": f"<svg><!-- {live_key()} --></svg>\n"},
    "the config of gitleaks itself": {"docs/gitleaks.toml": LINE},
    "a comment that allows it": {"src/allowed.py": LINE.rstrip() + f"  # {ALLOW}\n"},
    ".gitleaksignore": {
        "src/ignored.py": LINE,
        ".gitleaksignore": f"src/ignored.py:{OURS}:1\n",
    },
    "base64": {"tests/secret.yaml": f"data:\n  key: {b64encode(LINE.encode()).decode()}\n"},
    "a zip": {"tests/data.zip": zipped(LINE)},
    "a gzip": {"tests/data.gz": gzip.compress(LINE.encode())},
    "a file that git shows no diff of": {
        "src/quiet.py": LINE,
        ".gitattributes": "quiet.py -diff\n",
    },
    "a file that git exports not": {"src/kept.py": LINE, "src/.gitattributes": "* export-ignore\n"},
    "tests": {"tests/unit/test_key.py": LINE},
}
# The same, by other ways than a commit on main.
WAYS = {
    "removed later": "src/removed.py",
    "on another branch": "src/other.py",
    "only a merge added it": "src/merged.py",
    "staged, not committed": "src/staged.py",
}
FILES = {place: next(iter(files)) for place, files in HIDDEN.items()} | WAYS
# What upstream's scan finds too: listed, so that nobody takes the lists above for its gaps.
KNOWN = {"base64", "a file that git exports not", "tests", "removed later", "on another branch"}


@pytest.fixture(scope="session")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose `gitleaks` reports."""
    folder = tmp_path_factory.mktemp("gitleaks")
    recorder(folder / "gitleaks")
    return folder


@pytest.fixture(scope="session")
def pristine(rendered: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a service holds against keys, committed."""
    folder = tmp_path_factory.mktemp("pristine") / "service"
    for name in (".gitleaks.toml", ".github/secrets.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(rendered.path / name, folder / name)
    return repository(folder).path


def start(pristine: Path, shell: Path, folder: Path) -> Repository:
    """A copy of the pristine repository, whose gitleaks reports into `reports` beside it."""
    shutil.copytree(pristine, folder / "service")
    (folder / "reports").mkdir()
    variables = {"PATH": path_with(shell), "GITLEAKS_REPORTS": str(folder / "reports")}
    return Repository(folder / "service", variables)


@pytest.fixture
def service(pristine: Path, shell: Path, tmp_path: Path) -> Repository:
    return start(pristine, shell, tmp_path)


def scan(service: Repository, **variables: str) -> tuple[int, set[tuple[str, str]], str]:
    """Run the scan; give its exit code, what was reported, and what it said."""
    done = service.run("sh", ".github/secrets.sh", **variables)
    folder = service.path.parent / "reports"
    return done.code, reported(folder) if done.code < 2 else set(), done.text


def hide(service: Repository) -> None:
    """Hide a key in every place of HIDDEN, and by every one of WAYS."""
    for files in HIDDEN.values():
        assert service.commit(files).code == 0
    service.git("switch", "--quiet", "--create", "other")
    assert service.commit({"src/other.py": LINE}).code == 0
    service.git("switch", "--quiet", "--create", "merged", "main")
    assert service.commit({"src/a.py": "A = 1\n"}).code == 0
    service.git("switch", "--quiet", "main")
    assert service.commit({"src/removed.py": LINE}).code == 0
    service.git("merge", "--quiet", "--no-commit", "--no-ff", "merged")
    assert service.commit({"src/merged.py": LINE}).code == 0
    assert service.commit({"src/merged.py": "", "src/removed.py": ""}).code == 0
    service.write({"src/staged.py": LINE})
    service.git("add", "src/staged.py")


@pytest.fixture(scope="session")
def all_hidden(
    pristine: Path, shell: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """What upstream's scan and ours report of a repository with all that is hidden.

    It is scanned once, whatever number of workers asks.
    """

    def make(folder: Path) -> None:
        service = start(pristine, shell, folder)
        hide(service)
        service.run("gitleaks", "git", ".", "--config=.gitleaks.toml")
        (folder / "reports").rename(folder / "upstream")
        (folder / "reports").mkdir()
        # With this setting of a person upstream's scan finds nothing at all.
        service.git("config", "color.ui", "always")
        assert service.run("gitleaks", "git", ".", "--config=.gitleaks.toml").code == 0
        code, _, said = scan(service)
        assert code == 1, said

    folder = once(tmp_path_factory, "hidden", make)
    return reported(folder / "upstream"), reported(folder / "reports")


def test_the_binary_is_upstreams() -> None:
    """It came by a publisher whom nobody knows, so its checksum is the one of the release."""
    digest = hashlib.sha256(gitleaks().read_bytes()).hexdigest()
    assert digest == "88f91962aa2f93ac6ab281d553b9e125f5197bbbce38f9f2437f7299c32e5509"


@pytest.mark.parametrize("place", FILES)
def test_a_hidden_key_is_found(
    place: str, all_hidden: tuple[set[tuple[str, str]], set[tuple[str, str]]]
) -> None:
    """It is reported with our rule and its file, and upstream's scan is silent about it."""
    upstreams, ours = all_hidden
    name = FILES[place]
    found = {(rule, file.partition("!")[0].removeprefix("tree/")) for rule, file in ours}
    assert (OURS, name) in found
    assert (name in {file for _, file in upstreams}) == (place in KNOWN)


def test_a_clean_repository_passes(service: Repository) -> None:
    """Keys for tests and placeholders are no finding."""
    files = {"tests/test_a.py": TEST_LINE, "README.md": live_key("x" * 20) + "\n"}
    assert service.commit(files).code == 0
    assert scan(service)[:2] == (0, set())


def test_a_key_for_tests_is_a_finding_without_the_allowlist(service: Repository) -> None:
    """So the test above can fail."""
    config = service.path / ".gitleaks.toml"
    config.write_text(config.read_text().partition("[[allowlists]]")[0])
    assert service.commit({"tests/test_a.py": TEST_LINE}).code == 0
    code, found, _ = scan(service)
    assert code == 1
    assert ("generic-api-key", "tests/test_a.py") in found


def test_a_revoked_key_is_let_through_by_its_commit_and_file(service: Repository) -> None:
    """As docs/ci.md says; the same key in another commit is still found."""
    assert service.commit({"src/settings.py": LINE}).code == 0
    commit = service.git("rev-parse", "HEAD")
    allowed = f"""
[[allowlists]]
description = "revoked"
condition = "AND"
commits = ["{commit}"]
paths = ['^src/settings\\.py$']
"""
    config = (service.path / ".gitleaks.toml").read_text() + allowed
    assert service.commit({"src/settings.py": "", ".gitleaks.toml": config}).code == 0
    assert scan(service)[:2] == (0, set())
    assert service.commit({"src/settings.py": LINE}).code == 0
    code, found, _ = scan(service)
    assert (code, found) == (1, {(OURS, "src/settings.py"), (OURS, "tree/src/settings.py")})


def test_a_variable_names_no_other_config(service: Repository, tmp_path: Path) -> None:
    """With GITLEAKS_CONFIG a config that finds nothing would be used."""
    (tmp_path / "blind.toml").write_text('title = "blind"\n')
    blind = {"GITLEAKS_CONFIG": str(tmp_path / "blind.toml")}
    assert service.commit({"src/settings.py": LINE}).code == 0
    assert service.run("gitleaks", "git", ".", **blind).code == 0
    code, found, _ = scan(service, **blind)
    assert code == 1
    assert (OURS, "src/settings.py") in found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('[[rules]]\nid = "tp', '[[rule]]\nid = "tp'),
        ("tp_live_[", "tp_alive_["),
        ("[[allowlists]]", '[[allowlists]]\npaths = ["^tests/"]'),
        ("[[allowlists]]", '[[allowlists]]\nregexes = [".*"]\n[[allowlists]]'),
    ],
    ids=["misspelt table", "another rule", "tests allowed", "everything allowed"],
)
def test_a_config_that_finds_nothing_is_no_clean_repository(
    old: str, new: str, service: Repository
) -> None:
    """A key in tests/ would go through; the scan looks for keys of its own first, and ends with 2."""
    config = service.path / ".gitleaks.toml"
    text = config.read_text()
    assert text.count(old) == 1
    config.write_text(text.replace(old, new))
    assert service.commit({"tests/test_a.py": f"A = '{live_key()}'\n"}).code == 0
    unseen = service.run("gitleaks", "git", ".", "--config=.gitleaks.toml", "--log-opts=--all -m")
    assert OURS not in {rule for rule, _ in reported(service.path.parent / "reports")}, unseen.text
    code, _, said = scan(service)
    assert code == 2
    assert "that the rule tp-live-key exists" in said


# What lets a new key of AWS through, although upstream has a rule for it.
BLIND = {
    "extended": ("useDefault = true", 'path = "other.toml"'),
    "allowed": ("[[allowlists]]", "[[allowlists]]\nregexes = ['^AKIA']\n[[allowlists]]"),
    "redefined": ("[[rules]]", "[[rules]]\nid = 'aws-access-token'\nregex = 'x'\n[[rules]]"),
}


@pytest.mark.parametrize("name", ["as it is", *BLIND])
def test_what_hides_the_keys_of_others_is_a_finding(name: str, service: Repository) -> None:
    """gitleaks reports nothing then, so that `tpgen check` must."""
    config = service.path / ".gitleaks.toml"
    text = config.read_text()
    if name in BLIND:
        assert BLIND[name][0] in text
        text = text.replace(*BLIND[name], 1)
    body = "Q3XWZ7LPJ2MNRTV5"
    other = '[extend]\nuseDefault = true\n[[allowlists]]\nregexes = ["^AKIA"]\n'
    service.write({".gitleaks.toml": text, "other.toml": other, "a.py": f"A = 'AKIA{body}'\n"})
    service.run("gitleaks", "dir", ".", "--config=.gitleaks.toml")
    is_blind = reported(service.path.parent / "reports") == set()
    said = tpgen(service.path, "check", "--select", "TPG405")
    assert (is_blind, said.code) == ((True, 1) if name in BLIND else (False, 0)), said.out


@pytest.mark.parametrize(
    ("url", "is_secret"),
    [
        ("postgresql+asyncpg://app:{}@db.company.com/app", True),
        ("redis://:{}@cache.company.com:6379/0", True),
        ("postgresql://app:{}@localhost:5432/app", False),
        ("postgresql://app:{}@db/app", False),
        ("postgresql://app:{}@127.0.0.1/app", False),
        ("postgresql://app:{}@db.example.com/app", False),
        ("postgresql://app:password@db.company.com/app", False),
    ],
)
def test_the_password_of_a_database_elsewhere_is_a_key(
    url: str, is_secret: bool, service: Repository
) -> None:
    """gitleaks has no rule for it."""
    password = "Zk3vQ9xT7mW2pLr8"
    service.write({"src/a.txt": url.format(password) + "\n"})
    service.run("gitleaks", "dir", ".", "--config=.gitleaks.toml")
    expected = {("own-database-password", "src/a.txt")} if is_secret else set()
    assert reported(service.path.parent / "reports") == expected


def test_no_rule_of_gitleaks_has_an_id_that_is_kept_for_ours() -> None:
    """Else a rule of ours would replace it, and TPG405 would let that pass."""
    ids = re.findall(rb'\nid = "([a-z0-9-]+)"', gitleaks().read_bytes())
    assert b"aws-access-token" in ids
    assert [name for name in ids if name.startswith(b"own-") or name.endswith(b"-live-key")] == []


def test_an_unreadable_config_fails(service: Repository) -> None:
    service.write({".gitleaks.toml": "[[rules\n"})
    done = service.run("sh", ".github/secrets.sh")
    assert done.code != 0
    assert "unable to load gitleaks config" in done.text


def test_a_shallow_clone_is_refused(service: Repository, tmp_path: Path) -> None:
    """CI's checkout has one commit unless told otherwise: a history of one commit looks clean."""
    assert service.commit({"src/settings.py": LINE}).code == 0
    assert service.commit({"src/settings.py": ""}).code == 0
    clone = ["git", "clone", "--quiet", "--depth=1", service.path.as_uri(), str(tmp_path / "clone")]
    subprocess.run(clone, check=True)
    code, _, said = scan(Repository(tmp_path / "clone", service.variables))
    assert code == 2
    assert "git fetch --unshallow" in said
