"""``python -m paas.running.terraform``: exits with 0 if this machine has a usable Terraform."""

import sys

from paas.domain.errors import SettingsError, StepFailed
from paas.settings import CHECKOUT, Settings, environment
from paas.tools.terraform_binary import find_terraform


def main() -> int:
    """Say what is missing, if it is; wrong settings are for the platform itself to explain."""
    try:
        path = environment().get("PATH", "")
        find_terraform(Settings.read().terraform, path, CHECKOUT / ".tools")
    except StepFailed as missing:
        sys.stderr.write(f"{missing.message}.\n")
        return 1
    except SettingsError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
