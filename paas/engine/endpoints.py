"""Whether an endpoint is the one that it was when its first guest was made."""

from paas.domain.errors import Unreachable
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
    if known != identity:
        raise Unreachable(
            f"{target.url} is {identity}, but this platform's guests live on {known}. "
            "Set PAAS_PROXMOX_URL to a node of that one again"
        )
