"""A guest's limits in the words of the cgroup version that this machine uses."""

from pathlib import Path

PERIOD = 100_000
CGROUP = Path("/sys/fs/cgroup")


def limits(memory: int, cores: int) -> dict[str, str]:
    """Control files and their values, for ``memory`` in MB; each without LXC's prefix.

    A machine whose kernel offers neither version's controllers limits nothing.
    """
    if _unified():
        return {
            "memory.max": str(memory << 20),
            "cpu.max": f"{cores * PERIOD} {PERIOD}",
        }
    found = {}
    if (CGROUP / "memory").is_dir():
        found["memory.limit_in_bytes"] = str(memory << 20)
    if (CGROUP / "cpu/cpu.cfs_quota_us").exists():
        found["cpu.cfs_quota_us"] = str(cores * PERIOD)
    return found


def prefix() -> str:
    """What LXC's configuration puts before a control file's name."""
    return "lxc.cgroup2" if _unified() else "lxc.cgroup"


def _unified() -> bool:
    controllers = CGROUP / "cgroup.controllers"
    return controllers.exists() and "memory" in controllers.read_text().split()
