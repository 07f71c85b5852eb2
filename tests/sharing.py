"""How several processes (``pytest -n``) share the tests: by file, and one has the whole lab."""

from xdist.scheduler import LoadScopeScheduling

LAB = "tests/lab/"
# What is in that folder and makes do with a fake Proxmox, without guests.
WITHOUT_LAB = (f"{LAB}faults/", f"{LAB}test_pve_")


# Chromium gives requests up when a network of the machine changes, as the lab's do.
BROWSER = ("tests/web/test_browser", "tests/web/test_whole_way")


def meets_lab(nodeid: str) -> bool:
    """Whether a test may need guests, of which one lab at a time is enough for a machine, or
    must not run beside those that do."""
    if nodeid.startswith(BROWSER):
        return True
    return nodeid.startswith(LAB) and not nodeid.startswith(WITHOUT_LAB)


class ByFile(LoadScopeScheduling):
    """Gives each process a file at a time, and one of them all that meets the lab."""

    def _split_scope(self, nodeid: str) -> str:
        return "lab" if meets_lab(nodeid) else nodeid.partition("::")[0]
