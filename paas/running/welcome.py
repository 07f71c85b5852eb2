"""What a first start tells: the password of the administrator whom it has made."""

import mmap
import secrets

from paas.services import first_admin
from paas.settings import Settings
from paas.store.setup import prepare


class Welcome:
    """Offers a password to the child that prepares the instance, and hears whether it was taken.

    The child's output goes to the log, where a password must not be; so the manager makes it,
    and a byte of memory that both share says what became of it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._password = settings.admin_password or secrets.token_urlsafe(15)
        self._taken = mmap.mmap(-1, 1)

    def prepare(self) -> None:
        """Make what the instance needs, and its first administrator; runs in the child."""
        prepare(self._settings)
        if first_admin.make(self._settings, self._password):
            self._taken[0] = 1

    def sentence(self) -> str:
        """What the terminal alone shows, or nothing: once, and never a password that was set."""
        if not self._taken[0] or self._settings.admin_password:
            return ""
        return (
            f"The first administrator is {first_admin.email_of(self._settings)}, "
            f"the password: {self._password}   (it is shown this once)"
        )
