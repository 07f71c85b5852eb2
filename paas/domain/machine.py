"""The one table through which an app's state moves."""

from paas.domain.errors import InvalidTransition
from paas.domain.states import AppState as S

TRANSITIONS: dict[tuple[S, S], str] = {
    (S.INACTIVE, S.PENDING): "The app is deployed for the first time.",
    (S.INACTIVE, S.SUSPENDED): "An administrator suspended the app before its first deployment.",
    (S.INACTIVE, S.DELETED): "The app was deleted before it was ever deployed.",
    (S.PENDING, S.PROVISIONING): "The source is packed and a guest is being made.",
    (S.PENDING, S.DEPLOYING): "The guest stands already, so the release is being installed.",
    (S.PENDING, S.FAILED): "The source could not be fetched, or there was no place for a guest.",
    (S.PENDING, S.DELETED): "The app was deleted before anything was made for it.",
    (S.PROVISIONING, S.DEPLOYING): "The guest answers and the release is being installed.",
    (S.PROVISIONING, S.FAILED): "The guest could not be made.",
    (S.PROVISIONING, S.DELETED): "The app was deleted while its guest was being made.",
    (S.DEPLOYING, S.RUNNING): "The new release answers and has taken over.",
    (S.DEPLOYING, S.STOPPED): "A redeploy of a stopped app failed, so it is stopped as before.",
    (S.DEPLOYING, S.FAILED): "The first release could not be built, started or reached.",
    (S.DEPLOYING, S.DELETED): "The app was deleted while a release was being installed.",
    (S.RUNNING, S.DEPLOYING): "A newer release is being installed beside the one that serves.",
    (S.RUNNING, S.STOPPED): "The app was stopped on request.",
    (S.RUNNING, S.FAILED): "The app's guest is lost and could not be brought back.",
    (S.RUNNING, S.DELETED): "The app was deleted while it was serving.",
    (S.STOPPED, S.RUNNING): "The app was started again and answers.",
    (S.STOPPED, S.DEPLOYING): "A newer release of a stopped app is being installed.",
    (S.STOPPED, S.FAILED): "The stopped app's guest is lost.",
    (S.STOPPED, S.DELETED): "The app was deleted while it was stopped.",
    (S.FAILED, S.PENDING): "A failed app was asked to be deployed again.",
    (S.FAILED, S.RUNNING): "An app whose guest had been lost answers again.",
    (S.FAILED, S.SUSPENDED): "An administrator suspended the app after it had failed.",
    (S.RUNNING, S.SUSPENDED): "An administrator took the app from serving; its data are kept.",
    (S.STOPPED, S.SUSPENDED): "An administrator suspended the app while it was stopped.",
    (S.SUSPENDED, S.INACTIVE): "The suspension of an app that was never deployed has ended.",
    (S.SUSPENDED, S.RUNNING): "The suspension has ended and the app answers again.",
    (S.SUSPENDED, S.STOPPED): "The suspension of a stopped app has ended.",
    (S.SUSPENDED, S.FAILED): "The suspension has ended, and the app is failed as before.",
    (S.SUSPENDED, S.DELETED): "The app was deleted while it was suspended.",
    (S.FAILED, S.DELETED): "The app was deleted after it had failed.",
}


def check_transition(old: S, new: S) -> None:
    """Raise ``InvalidTransition`` unless the table allows the move; staying is always allowed."""
    if old is not new and (old, new) not in TRANSITIONS:
        raise InvalidTransition(f"an app cannot go from {old} to {new}")
