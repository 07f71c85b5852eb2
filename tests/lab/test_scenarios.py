"""The samples, as containers and as virtual machines: from POST /api/deploy to nothing left."""

from collections.abc import Iterator, Mapping

import pytest
import requests

from tests.lab import live
from tests.lab.lab import Lab
from tests.lab.live import LabPlatform

# A piece of what each sample's page says.
SAMPLES = {
    "django": "Django",
    "flask": "Flask",
    "fastapi": "FastAPI",
    "express": "Express",
    "static": "Static site",
    "php": "PHP",
}
KINDS = ("lxc", "vm")


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab) as made:
        yield made


@pytest.fixture(scope="module")
def deployed(platform: LabPlatform) -> Mapping[tuple[str, str], str]:
    """Every sample of both kinds, all asked for at once: (kind, sample) -> id."""
    return {
        (kind, sample): platform.begin(
            kind, f"https://github.com/samples/{sample}", f"{sample}-{kind}", framework=sample
        )
        for sample in SAMPLES
        for kind in KINDS
    }


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_answers_from_a_guest_of_its_own(
    platform: LabPlatform, deployed: Mapping[tuple[str, str], str], kind: str, sample: str
) -> None:
    app_id = deployed[kind, sample]
    found = platform.runs(app_id)
    page = requests.get(found["access_url"], timeout=10)
    assert page.status_code == 200
    assert SAMPLES[sample] in page.text
    # Its own guest, of the kind that was asked for, at the address that the URL names.
    guest = platform.lab.pve.guest(found["vm_id"])
    assert guest in (platform.lab.pve.cts if kind == "lxc" else platform.lab.pve.vms)
    assert f"//{found['ip_address']}:" in found["access_url"]
    inside = platform.lab.ground.hypervisor.run_inside(found["vm_id"], "hostname")
    assert inside.strip() == guest.name


def test_a_deleted_deployment_stays_deleted_and_takes_its_guest_along(
    platform: LabPlatform, deployed: Mapping[tuple[str, str], str]
) -> None:
    app_id = platform.begin("lxc", "https://github.com/samples/static", "short-lived")
    vmid = platform.runs(app_id)["vm_id"]
    platform.ask("DELETE", f"/deployments/{app_id}")
    assert platform.get(app_id)["status"] == "deleted"
    assert platform.lab.pve.guest(vmid) is None
    assert vmid not in platform.lab.ground.hypervisor.vmids()
    platform.ask("DELETE", f"/deployments/{app_id}")
    assert app_id not in platform.apps()
