"""Whether an endpoint is the one that it was when its first guest was made."""

import time

from paas.domain.errors import PaasError, Unreachable
from paas.engine.platform import Platform
from paas.store import endpoints
from paas.targets.contract import Target


def vouch(platform: Platform, target: Target) -> None:
    """Raise ``Unreachable`` when the settings lead to another cluster than before.

    What is absent there says nothing of our guests, and what stands there is not ours.
    """
    identity = target.identity()
    if not identity:
        return
    with platform.store.read() as session:
        known = endpoints.identity_of(session, target.endpoint)
    if known is None:
        with platform.store.write() as session:
            known = endpoints.meet(session, target.endpoint, target.url, identity)
    if known != identity and target.succeeds(known):
        with platform.store.write() as session:
            endpoints.rename(session, target.endpoint, identity)
    elif known != identity:
        raise Unreachable(
            f"{target.url} is {identity}, but this platform's guests live on {known}. "
            "Set PAAS_PROXMOX_URL to a node of that one again"
        )


def within(target: Target, seconds: float) -> Target:
    """The target for somebody who waits for an answer: it is away when that takes longer."""
    end = time.monotonic() + seconds

    def stop() -> PaasError | None:
        if time.monotonic() < end:
            return None
        return Unreachable(
            f"{target.url or 'The target'} is busy with this guest. Look again later"
        )

    return target.during(stop)
