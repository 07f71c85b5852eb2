"""What the settings of the edge may be."""

import pytest

from paas.domain.errors import SettingsError
from paas.settings import Settings


def read(**given: str) -> Settings:
    return Settings.read({f"PAAS_{name}": value for name, value in given.items()})


@pytest.mark.parametrize(
    "given",
    [
        {"EDGE": "off"},
        {"EDGE_LISTEN": "127.0.0.1:8080"},
        {"EDGE_LISTEN": "localhost:0"},
        {"EDGE_LISTEN": "[::1]:80"},
        {"EDGE_LISTEN": ":80", "LOCAL_UNSAFE": "1"},
        {"EDGE_ADMIN": "http://127.0.0.1:2019"},
        {"EDGE_ADMIN": "unix//run/caddy/admin.sock", "EDGE": "caddy"},
    ],
)
def test_these_can_be_used(given: dict[str, str]) -> None:
    read(**given)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"EDGE": "nginx"}, "PAAS_EDGE='nginx': must be one of auto, caddy, local, off"),
        ({"EDGE_LISTEN": "8080"}, "must be an address and a port"),
        ({"EDGE_LISTEN": "127.0.0.1:65536"}, "must be an address and a port"),
        ({"EDGE_LISTEN": ":80"}, "target local is for one trusting user"),
        ({"EDGE_LISTEN": "0.0.0.0:80"}, "target local is for one trusting user"),
        ({"EDGE_ADMIN": "127.0.0.1:2019"}, "must be where a Caddy's admin API listens"),
        ({"EDGE_ADMIN": "http://127.0.0.1:2019", "EDGE": "local"}, "leave one unset"),
    ],
)
def test_these_are_refused_in_words(given: dict[str, str], part: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(**given)
    assert part in str(refused.value)
