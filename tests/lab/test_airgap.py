"""A site without the Internet and without languages in its template: everything from mirrors."""

from collections.abc import Iterator

import pytest

from tests.lab import live
from tests.lab.ground import PLAIN_TEMPLATE
from tests.lab.lab import Lab
from tests.lab.live import LabPlatform

# What each sample takes from which mirror. Node is left out: it is hundreds of packages in Debian,
# and what it takes from the registry is seen with the other samples, which have no way out either.
SAMPLES = {"flask": {"apt", "pip"}, "php": {"apt"}}


@pytest.fixture(scope="module")
def platform(lab: Lab) -> Iterator[LabPlatform]:
    with live.running(lab, PAAS_PROXMOX_LXC_TEMPLATE=PLAIN_TEMPLATE) as made:
        yield made


def test_a_plain_guest_is_given_its_runtime_by_the_mirrors(platform: LabPlatform) -> None:
    served = platform.lab.mirrors.served
    for sample, mirrors in SAMPLES.items():
        before = len(served)
        repository = f"https://github.com/samples/{sample}"
        app = platform.begin("lxc", repository, f"plain-{sample}", framework=sample)
        platform.runs(app)
        assert platform.page(app).status_code == 200
        used = {path.partition("/")[0] for path in served[before:]}
        assert used >= mirrors, sample
        before = len(served)
        assert platform.act(app, "redeploy")["error_message"] is None
        again = [path for path in served[before:] if path.startswith("apt/pool/")]
        assert again == [], "a runtime is installed once"
