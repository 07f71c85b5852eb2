"""Private repositories: a token or a key opens them, is shown to one host and kept nowhere."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.tools.git import Git
from paas.tools.git_access import KEY, TOKEN, Access
from paas.tools.process import Bench
from paas.tools.ssh import public_key
from tests.lab import pve_certs

from .git_hosts import HttpsHost, SshHost
from .support import bench
from .test_git import Mirror, git
from .test_ssh import new_key

SECRET = "a-token-of-the-git-host"


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    made = Mirror(tmp_path)
    made.commit({"index.html": "private"})
    return made


@pytest.fixture
def certificates(tmp_path: Path) -> pve_certs.Certificates:
    return pve_certs.make(tmp_path, "127.0.0.1")


@pytest.fixture
def https(mirror: Mirror, certificates: pve_certs.Certificates) -> Iterator[HttpsHost]:
    files = (certificates.certificate, certificates.key)
    with HttpsHost(mirror.folder, files, f"ada:{SECRET}").serving() as host:
        yield host


@pytest.fixture
def trusting(certificates: pve_certs.Certificates) -> tuple[Bench, list[tuple[str, str]]]:
    """A bench whose git trusts the host's certificate, and its log."""
    log: list[tuple[str, str]] = []
    made = bench(log)
    environment = {**made.environment, "GIT_SSL_CAINFO": str(certificates.ca)}
    return replace(made, environment=environment), log


def by_token(https: HttpsHost, secret: str = SECRET) -> Access:
    return Access(TOKEN, f"https://{https.name}/acme/shop.git", "app-1", secret, "ada")


def reader(bench: Bench, tmp_path: Path, access: Access | None, host: str) -> Git:
    return Git(
        bench,
        tmp_path / "git",
        limit=2**24,
        hosts=(host,),
        access=access,
        secrets=tmp_path / "attempt" / "git",
    )


def test_a_token_opens_a_repository(
    https: HttpsHost, trusting: tuple[Bench, list[tuple[str, str]]], tmp_path: Path
) -> None:
    tool = reader(trusting[0], tmp_path, by_token(https), https.name)
    source = tool.fetch(f"https://{https.name}/acme/shop")
    assert tool.pack(source, tmp_path / "1.tar.gz").read("index.html") == "private"


@pytest.mark.parametrize(
    ("secret", "says"),
    [(None, "needs credentials"), ("wrong", "the application's token does not open it")],
)
def test_without_the_right_token_it_says_what_is_lacking(
    https: HttpsHost,
    trusting: tuple[Bench, list[tuple[str, str]]],
    tmp_path: Path,
    secret: str | None,
    says: str,
) -> None:
    access = by_token(https, secret) if secret else None
    with pytest.raises(StepFailed, match=says):
        reader(trusting[0], tmp_path, access, https.name).fetch(f"https://{https.name}/acme/shop")


def test_a_cache_that_a_token_filled_is_not_another_ones(
    https: HttpsHost, trusting: tuple[Bench, list[tuple[str, str]]], tmp_path: Path
) -> None:
    url = f"https://{https.name}/acme/shop"
    mine = reader(trusting[0], tmp_path, by_token(https), https.name).fetch(url)
    with pytest.raises(StepFailed, match="needs credentials"):
        reader(trusting[0], tmp_path, None, https.name).fetch(url, ref=mine.sha)
    theirs = replace(by_token(https), owner="app-2")
    assert reader(trusting[0], tmp_path, theirs, https.name).fetch(url).cache != mine.cache


def test_a_token_is_shown_to_its_own_host_alone(
    https: HttpsHost,
    mirror: Mirror,
    certificates: pve_certs.Certificates,
    trusting: tuple[Bench, list[tuple[str, str]]],
    tmp_path: Path,
) -> None:
    files = (certificates.certificate, certificates.key)
    with HttpsHost(mirror.folder, files, "nobody:nothing").serving() as other:
        tool = reader(trusting[0], tmp_path, by_token(https), other.name)
        with pytest.raises(StepFailed):
            tool.fetch(f"https://{other.name}/acme/shop")
        assert set(other.shown) == {""}


def test_a_token_is_in_no_log_argument_or_environment(
    https: HttpsHost, trusting: tuple[Bench, list[tuple[str, str]]], tmp_path: Path
) -> None:
    seen: list[str] = []
    made, log = trusting

    class Watching(Bench):
        def run(self, command, **options):  # type: ignore[no-untyped-def]
            seen.append(f"{command.argv} {command.env}")
            return super().run(command, **options)

    watching = Watching(**vars(made))
    reader(watching, tmp_path, by_token(https), https.name).fetch(f"https://{https.name}/acme/shop")
    said = "\n".join([*seen, *(line for _, line in log)])
    for form in (SECRET, base64.b64encode(f"ada:{SECRET}".encode()).decode()):
        assert form not in said
    written = [path for path in (tmp_path / "attempt").rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in written} == {"0o600"}
    assert not any(SECRET in str(path) for path in (tmp_path / "git").rglob("*"))


@pytest.fixture
def private_key() -> str:
    return new_key()


def by_key(private: str, port: int) -> Access:
    return Access(KEY, "https://127.0.0.1/acme/shop", "app-1", private, port=port)


def test_a_deploy_key_opens_a_repository(mirror: Mirror, private_key: str, tmp_path: Path) -> None:
    with SshHost(mirror.folder, public_key(private_key)).serving() as port:
        tool = reader(bench(), tmp_path, by_key(private_key, port), "127.0.0.1")
        source = tool.fetch("https://127.0.0.1/acme/shop")
    assert tool.pack(source, tmp_path / "1.tar.gz").read("index.html") == "private"
    assert source.sha == git(mirror.work(), "rev-parse", "HEAD")


def test_another_key_does_not(mirror: Mirror, private_key: str, tmp_path: Path) -> None:
    with SshHost(mirror.folder, public_key(new_key())).serving() as port:
        tool = reader(bench(), tmp_path, by_key(private_key, port), "127.0.0.1")
        with pytest.raises(StepFailed, match="the application's key does not open it"):
            tool.fetch("https://127.0.0.1/acme/shop")


def test_a_host_with_another_key_than_before_is_not_spoken_to(
    mirror: Mirror, private_key: str, tmp_path: Path
) -> None:
    host = SshHost(mirror.folder, public_key(private_key))
    with host.serving() as port:
        tool = reader(bench(), tmp_path, by_key(private_key, port), "127.0.0.1")
        tool.fetch("https://127.0.0.1/acme/shop")
        host.host_key = type(host.host_key).generate()
        with pytest.raises(StepFailed, match="does not open it"):
            tool.fetch("https://127.0.0.1/acme/shop")


def test_the_command_of_ssh_survives_a_folder_with_blanks(
    mirror: Mirror, private_key: str, tmp_path: Path
) -> None:
    place = tmp_path / "a folder"
    place.mkdir()
    with SshHost(mirror.folder, public_key(private_key)).serving() as port:
        tool = reader(bench(), place, by_key(private_key, port), "127.0.0.1")
        assert tool.fetch("https://127.0.0.1/acme/shop").sha
