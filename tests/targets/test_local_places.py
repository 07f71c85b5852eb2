"""Addresses, users and surroundings of local guests."""

import socket
from pathlib import Path

import pytest

from paas.domain.errors import StepFailed
from paas.settings import TARGETS, Settings
from paas.targets import FACTORIES, build_targets, make_context
from paas.targets.local import places, surroundings
from paas.targets.local.sandbox import sockets
from paas.targets.local.target import LocalTarget
from tests.factories import reserved_at, wanted
from tests.targets.support import guest_spec, release_spec

BIG = "         0          0 4294967295\n"
SMALL = "         0     100000      65536\n"


def test_guests_and_instances_have_places_of_their_own(target: LocalTarget) -> None:
    chosen = {target.place(wanted(index), (), None).address for index in range(20)}
    assert len(chosen) == 20
    first = target.place(wanted(1), (), None)
    assert first.address.startswith("127.77.")
    assert target.place(wanted(1), [reserved_at(first.address)], None).address != first.address


def test_two_instances_begin_elsewhere() -> None:
    starts = {next(places.addresses("127.77.0.0/16", str(n), 1)) for n in range(10)}
    assert len(starts) == 10


def test_an_address_whose_port_is_held_is_passed_over(target: LocalTarget) -> None:
    first = target.place(wanted(1), (), None).address
    with socket.create_server((first, 8000)):
        assert target.place(wanted(1), (), None).address != first


def test_a_full_network_is_told_in_words() -> None:
    everything = frozenset(places.addresses("127.77.3.0/30", "x", 1))
    assert everything == {"127.77.3.1", "127.77.3.2"}
    with pytest.raises(StepFailed, match="PAAS_LOCAL_NETWORK"):
        places.choose("127.77.3.0/30", "x", 1, 8000, everything)


def test_a_port_that_is_held_everywhere_is_told_in_words(
    target: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "can_listen", lambda *_: False)
    with pytest.raises(StepFailed, match="Port 8000 is taken"):
        target.place(wanted(1), (), None)


def test_each_guest_has_a_user_of_its_own() -> None:
    for uid_map, top in ((BIG, 2**31), (SMALL, 65536)):
        found = [places.uid("a", vmid, uid_map) for vmid in range(1, 1000)]
        assert len(set(found)) == len(found)
        assert all(1000 < uid < top for uid in found)
    assert places.uid("a", 1, BIG) != places.uid("b", 1, BIG)


def test_only_named_variables_pass(tmp_path: Path) -> None:
    given = {"HTTPS_PROXY": "http://p:1", "AWS_SECRET_ACCESS_KEY": "x", "PAAS_API_TOKEN": "x"}
    found = surroundings.environment(given, tmp_path, is_shared=False)
    assert found["HTTPS_PROXY"] == "http://p:1"
    assert not {"AWS_SECRET_ACCESS_KEY", "PAAS_API_TOKEN"} & set(found)
    assert found["UV_CACHE_DIR"] == str(tmp_path / "uv")


def test_a_certificate_that_guests_cannot_read_is_left_out(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "ca.pem").touch()
    given = {"SSL_CERT_FILE": str(closed / "ca.pem")}
    assert "SSL_CERT_FILE" in surroundings.environment(given, tmp_path, is_shared=False)
    assert "SSL_CERT_FILE" not in surroundings.environment(given, tmp_path, is_shared=True)


def test_tools_are_linked_or_copied(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("one")
    for is_shared in (False, True):
        folder = tmp_path / f"bin-{is_shared}"
        surroundings.provide(folder, [tool], is_shared=is_shared)
        surroundings.provide(folder, [tool], is_shared=is_shared)
        assert (folder / "tool").is_symlink() != is_shared
        tool.write_text(f"newer {is_shared}")
        surroundings.provide(folder, [tool], is_shared=is_shared)
        assert (folder / "tool").read_text() == f"newer {is_shared}"
        assert [entry.name for entry in folder.iterdir()] == ["tool"]


def test_the_apps_folder_stays_inside(target: LocalTarget, installation: str) -> None:
    guest = guest_spec(target, installation)
    for root in ("../x", "/etc", "a/../../b"):
        with pytest.raises(StepFailed, match="not inside"):
            target.variables(guest, release_spec(root=root))
    inside = target.variables(guest, release_spec(root="web/app"))["paas_app_folder"]
    assert str(inside).endswith("/home/releases/1/web/app")


def test_the_registry_and_the_settings_name_the_same_targets(instance: Path) -> None:
    assert tuple(FACTORIES) == TARGETS
    built = build_targets(make_context(Settings(instance=instance), "x", {}, {}))
    assert {name: target.name for name, target in built.items()} == {"local": "local"}
    assert all((target.module / "main.tf").is_file() for target in built.values())
