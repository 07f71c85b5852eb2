"""Every bundled sample, through the whole platform, as far as this machine has the runtime."""

import pytest
import requests

from paas.domain.specs import Resources
from paas.domain.states import AppState
from paas.engine.platform import Platform
from paas.services import deployments
from tests.engine import live
from tests.factories import ACTOR, deploy_spec
from tests.mirror import SAMPLES, Mirror

KEYS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


@pytest.mark.parametrize("key", KEYS)
def test_the_sample_is_deployed_and_deployed_again(
    platform: Platform, mirror: Mirror, key: str
) -> None:
    refusals = platform.targets["local"].refusals(key)
    if refusals:
        pytest.skip(" ".join(refusals))
    spec = deploy_spec(
        framework=key, repository=mirror.add_sample(key), resources=Resources(2, 2048, 10)
    )
    app = live.deploy(platform, spec)
    assert app.state is AppState.RUNNING, app.error_message
    page = requests.get(f"{app.access_url}/", timeout=30)
    health = requests.get(f"{app.access_url}/health", timeout=30)
    assert (page.status_code, health.status_code) == (200, 200)
    assert platform.catalogue[key].name in page.text
    live.run(platform, deployments.redeploy(platform, ACTOR, app.id))
    again = deployments.get(platform, ACTOR, app.id)
    assert (again.state, again.release) == (AppState.RUNNING, 2), again.error_message
    assert requests.get(f"{app.access_url}/", timeout=30).status_code == 200
