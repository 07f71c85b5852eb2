"""One platform per instance folder."""

import fcntl
import os
from pathlib import Path

from paas.domain.errors import Conflict


class InstanceLock:
    """Held while this object is open; the kernel frees it whatever becomes of the process."""

    def __init__(self, instance: Path) -> None:
        """Take the lock, or raise ``Conflict`` with a sentence that names the holder."""
        path = instance / "run.lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            self.close()
            raise Conflict(
                f"The instance {instance} is already served by another platform (process "
                f"{holder or 'unknown'}). Stop that one, or give this one an instance and a port "
                "of its own with PAAS_INSTANCE and PAAS_PORT."
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Close this process's handle; a forked child closes its own and takes nothing away."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
