"""What can go wrong, as meaning: a dialect chooses status and shape.

``str(error)`` is a sentence for the person who can act and may reach a client;
``detail`` is for the log alone.
"""

from collections.abc import Sequence


class PaasError(Exception):
    """Any failure that the platform understands."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class Invalid(PaasError):
    """The request breaks rules; ``errors`` names every broken one."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


class Malformed(PaasError):
    """The body cannot be read at all: not JSON, or not an object."""


class WrongMediaType(PaasError):
    """The body is not sent as JSON."""


class TooLarge(PaasError):
    """The body is over the documented limit."""


class NotFound(PaasError):
    """There is no such thing, or the actor may not know of it."""


class Conflict(PaasError):
    """The thing is busy or in a state that does not allow the request."""


class Deleted(Conflict):
    """The thing was deleted. An API that forgets what was deleted says that there is none."""


class KeyReused(PaasError):
    """An Idempotency-Key came again with another body."""


class Unauthenticated(PaasError):
    """The request is not local and carries no valid token."""


class SecondFactorNeeded(Unauthenticated):
    """The password is right, and the account has a second factor whose code is missing."""


class Forbidden(PaasError):
    """The request comes from a foreign page or lacks a permission."""


class WrongHost(PaasError):
    """The Host header names a machine that this platform is not."""


class Busy(PaasError):
    """Too many waits or streams; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooMany(PaasError):
    """More requests, or more failed sign-ins, than are taken; ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotAcceptable(PaasError):
    """The request accepts no form in which the answer can be given."""


class Unavailable(PaasError):
    """A part that the request needs does not answer."""


class InvalidTransition(PaasError):
    """A state would move along a way that the table does not have."""


class CatalogueError(PaasError):
    """A framework file breaks the schema; the message names file, key and rule."""


class SettingsError(PaasError):
    """One or more settings are unusable; the message names each."""


class StepFailed(PaasError):
    """A step ended for a reason that trying again will not change."""


class StepInterrupted(PaasError):
    """A step was ended from outside (deadline, guard, lost worker) and may be tried again."""


class Unreachable(StepInterrupted):
    """What a step needs in the outside world does not answer now; waiting may help.

    Waiting costs no attempt: the operation stays and says what it waits for.
    """


class ForeignGuest(PaasError):
    """The place reserved for a guest is taken by something that is not ours."""


class Cancelled(PaasError):
    """The operation was asked to end."""


class Stopping(PaasError):
    """This worker is being stopped; the operation goes on elsewhere or later."""


class LeaseLost(PaasError):
    """Another worker has taken the operation over; this one must write nothing more."""
