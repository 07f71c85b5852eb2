"""Settings: what they are without an environment, what is refused, and what the page says."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from paas.domain.errors import SettingsError
from paas.settings import CHECKOUT, Settings

PAGE = CHECKOUT / "docs" / "settings.md"


def read(**given: str) -> Settings:
    return Settings.read({f"PAAS_{name}": value for name, value in given.items()})


def documented() -> dict[str, str]:
    """Setting and default of every row of the page."""
    rows = re.findall(r"^\| `(PAAS_\w+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a setting has two rows"
    return {name: default.strip() for name, default in rows}


def test_the_page_has_every_setting_and_no_other() -> None:
    assert set(documented()) == {f"PAAS_{item.name.upper()}" for item in fields(Settings)}


def test_the_page_has_the_real_defaults() -> None:
    told = documented()
    for item in fields(Settings):
        text = told[f"PAAS_{item.name.upper()}"]
        if item.default is MISSING or item.default in ("", ()):
            # Nothing, or words for what holds then.
            assert not re.fullmatch(r"`[^`]*`", text), item.name
        else:
            value = int(item.default) if isinstance(item.default, bool) else item.default
            assert text == f"`{value}`", item.name


def test_an_empty_variable_is_the_same_as_none() -> None:
    assert read(PORT="", HOSTS="", LOCAL_UNSAFE="") == read()


def test_values_take_the_type_of_their_field(tmp_path: Path) -> None:
    settings = read(
        INSTANCE=str(tmp_path), PORT="8080", HOSTS=" a.example , b.example,", LOCAL_UNSAFE="1"
    )
    assert settings.instance == tmp_path
    assert settings.port == 8080
    assert settings.hosts == ("a.example", "b.example")
    assert settings.local_unsafe is True


def test_a_relative_instance_becomes_absolute() -> None:
    assert read(INSTANCE="here").instance == Path.cwd() / "here"


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("PORT", "http", "PAAS_PORT='http': must be a whole number"),
        ("PORT", "1_000", "must be a whole number"),
        ("PORT", "٣", "must be a whole number"),
        ("PORT", "65536", "must be between 0 and 65535"),
        ("PORT", "-1", "must be between 0 and 65535"),
        ("LOCAL_UNSAFE", "yes", "must be 0 or 1"),
        ("HOST", "a\nb", "must be one line of text"),
        ("TARGET", "moon", "must be one of local"),
        ("WORKERS", "0", "at least 1 worker"),
        ("THREADS", "15", "at least 16 threads"),
        ("DEPLOY_WAIT", "0", "must be at least 1"),
        ("BODY_LIMIT_KB", "0", "must be at least 1"),
        ("LOG_DAYS", "-3", "must be at least 1"),
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG"),
        ("LOCAL_NETWORK", "10.0.0.0/8", "must lie in 127.0.0.0/8"),
        ("LOCAL_NETWORK", "x", "PAAS_LOCAL_NETWORK='x'"),
        ("HOSTS", "https://a.example", "'https://a.example' is no host name"),
        ("HOSTS", "a.example:5000", "'a.example:5000' is no host name"),
        ("HOSTS", "*", "'*' is no host name"),
        ("GIT_HOSTS", "git.example/x", "'git.example/x' is no host"),
        ("API_TOKEN", "short", "at least 16 visible"),
        ("API_TOKEN", "with a blank inside it", "at least 16 visible"),
        ("API_TOKEN", "ééééééééééééééééééé", "at least 16 visible"),
    ],
)
def test_what_is_refused_is_named(name: str, value: str, part: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: value})
    assert f"PAAS_{name}" in str(raised.value)
    assert part in str(raised.value)


def test_everything_broken_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read(PORT="x", WORKERS="y", LOCAL_UNSAFE="z")
    assert all(name in str(raised.value) for name in ("PORT", "WORKERS", "LOCAL_UNSAFE"))
    with pytest.raises(SettingsError) as raised:
        read(PORT="70000", WORKERS="0", LOG_LEVEL="z")
    assert all(name in str(raised.value) for name in ("PORT", "WORKERS", "LOG_LEVEL"))


@pytest.mark.parametrize("name", ["API_TOKEN", "DATABASE_URL", "REDIS_URL"])
def test_no_message_repeats_a_secret(name: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(**{name: "s3cret\nvalue", "PORT": "x"})
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.5.5.5", "localhost", "::1"])
def test_loopback_addresses(host: str) -> None:
    assert read(HOST=host).binds_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "paas.example.org"])
def test_local_serves_the_network_only_when_told_to(host: str) -> None:
    with pytest.raises(SettingsError, match="PAAS_LOCAL_UNSAFE=1"):
        read(HOST=host)
    assert not read(HOST=host, LOCAL_UNSAFE="1").binds_loopback


def test_the_default_instance_logs_in_the_checkout(tmp_path: Path) -> None:
    assert Settings(instance=CHECKOUT / "instance").log_folder == CHECKOUT / "logs"
    assert Settings(instance=tmp_path).log_folder == tmp_path / "logs"


def test_the_limit_of_a_body_in_bytes() -> None:
    assert read(BODY_LIMIT_KB="2").body_limit == 2048
