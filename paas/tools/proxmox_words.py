"""What a call or a task does, in words for people, and which line of a log tells why it failed."""

import re
from collections.abc import Mapping, Sequence

KINDS = {"lxc": "container", "qemu": "VM"}
NODE = r"/nodes/(?P<node>[^/]+)"
GUEST = NODE + r"/(?P<kind>lxc|qemu)/(?P<vmid>\d+)"
STORAGE = NODE + r"/storage/(?P<storage>[^/]+)"

CALLS: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (method, re.compile(pattern), words)
    for method, pattern, words in (
        ("post", NODE + r"/(?P<kind>lxc|qemu)", "making {kind} {new} on node {node}"),
        ("post", GUEST + "/clone", "cloning {kind} {vmid} on node {node} to {newid}"),
        ("post", GUEST + "/template", "making {kind} {vmid} on node {node} a template"),
        ("post", GUEST + "/snapshot", "taking a snapshot of {kind} {vmid} on node {node}"),
        ("post", GUEST + "/snapshot/.*/rollback", "restoring {kind} {vmid} on node {node}"),
        ("delete", GUEST + "/snapshot/.*", "removing a snapshot of {kind} {vmid} on node {node}"),
        ("post", GUEST + "/status/(?P<verb>[a-z]+)", "{verb} {kind} {vmid} on node {node}"),
        ("put", GUEST + "/resize", "resizing the disk of {kind} {vmid} on node {node}"),
        ("put|post", GUEST + "/config", "changing {kind} {vmid} on node {node}"),
        ("put|post|delete", GUEST + "/firewall/.*", "setting the firewall of {kind} {vmid}"),
        ("delete", GUEST, "removing {kind} {vmid} on node {node}"),
        ("get", GUEST + "(/.*)?", "looking at {kind} {vmid} on node {node}"),
        ("post", STORAGE + "/upload", "uploading to storage {storage} of node {node}"),
        ("get", STORAGE + "(/.*)?", "looking at storage {storage} of node {node}"),
        ("delete", NODE + "/tasks/.*", "ending a task on node {node}"),
        ("get", NODE + "/tasks.*", "looking at the tasks of node {node}"),
        ("get", NODE + "/(?P<what>[a-z]+)(/.*)?", "reading {what} of node {node}"),
        ("get", "/cluster/status", "looking at the cluster"),
        ("get", "/cluster/nextid", "asking whether the number {new} is free"),
        ("get", "/cluster/resources", "listing the cluster's guests"),
        ("get", "/nodes", "listing the nodes"),
        ("get", "/pools.*", "looking at the pools"),
    )
)
VERBS = {
    "start": "starting",
    "stop": "stopping",
    "shutdown": "shutting down",
    "reboot": "restarting",
}
TASKS = {
    "vzcreate": "making container {id}",
    "qmcreate": "making VM {id}",
    "qmclone": "cloning VM {id}",
    "vzclone": "cloning container {id}",
    "vzdestroy": "removing container {id}",
    "qmdestroy": "removing VM {id}",
    "vzstart": "starting container {id}",
    "qmstart": "starting VM {id}",
    "vzstop": "stopping container {id}",
    "qmstop": "stopping VM {id}",
    "vzshutdown": "shutting down container {id}",
    "qmshutdown": "shutting down VM {id}",
    "vzreboot": "restarting container {id}",
    "qmreboot": "restarting VM {id}",
    "vzsnapshot": "taking a snapshot of container {id}",
    "qmsnapshot": "taking a snapshot of VM {id}",
    "vzrollback": "restoring container {id}",
    "qmrollback": "restoring VM {id}",
    "vzdelsnapshot": "removing a snapshot of container {id}",
    "qmdelsnapshot": "removing a snapshot of VM {id}",
    "imgcopy": "copying an uploaded file",
    "resize": "resizing the disk of {id}",
}
# The first one found tells the most; the exit status often says only that a command failed.
TELLING = (
    re.compile(r"No space left|not enough (free )?space|insufficient (free )?space|out of space"),
    re.compile(r"Cannot allocate memory|[Oo]ut of memory|cannot lock memory"),
    re.compile(r"does not exist|No such file|not found|already running|Permission denied"),
    re.compile(r"can't lock file|got timeout|Connection (refused|timed out)"),
    re.compile(r"(?i)^(error|tar|lxc-start|kvm)\b.*: "),
)
LONGEST = 300


def doing_words(method: str, path: str, params: Mapping[str, object]) -> str:
    """What a call does: ``making container 120 on node pve1``."""
    values = {"new": params.get("vmid", ""), "newid": params.get("newid", "")}
    for methods, pattern, words in CALLS:
        if method in methods.split("|") and (found := pattern.fullmatch(path)):
            given = {**values, **found.groupdict()}
            given["kind"] = KINDS.get(str(given.get("kind")), "guest")
            verb = str(given.get("verb"))
            given["verb"] = VERBS.get(verb, verb)
            return " ".join(words.format(**given).split())
    return f"{method.upper()} {path}"


def task_words(upid: str) -> str:
    """What a task does: ``making container 120 on node pve1``."""
    parts = upid.split(":")
    if len(parts) < 8 or parts[0] != "UPID":
        return f"task {upid}"
    node, kind, number = parts[1], parts[5], parts[6]
    words = TASKS.get(kind, f"task {kind} {{id}}").format(id=number)
    return f"{' '.join(words.split())} on node {node}"


def sentence(doing: str) -> str:
    """The same with a capital letter."""
    return doing[:1].upper() + doing[1:]


def decisive_line(lines: Sequence[str], exit_status: str) -> str:
    """The line of a task's log that says more than its exit status; empty when none does."""
    told = [line.strip() for line in lines if not line.startswith("TASK ")]
    told = [line for line in told if line and line not in exit_status]
    for pattern in TELLING:
        if pattern.search(exit_status):
            return ""
        for line in reversed(told):
            if pattern.search(line):
                return line[:LONGEST]
    return ""
