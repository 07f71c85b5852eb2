"""What requests of document 000 are made of."""

from itertools import count
from typing import Any

_numbers = count(1)
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
NEW_KEYS = ["id", "name", "slug", "status", "subdomain", "created_at"]
ROW_KEYS = [
    *("id", "name", "slug", "status", "subdomain", "replicas"),
    *("plan_name", "cpu_cores", "ram_mb", "created_at"),
]
DETAIL_KEYS = [
    *("id", "name", "slug", "git_url", "git_branch", "buildpack", "status", "subdomain"),
    *("replicas", "plan_id", "plan_name", "cpu_cores", "ram_mb", "disk_gb"),
    *("created_at", "updated_at"),
]
ATTEMPT_KEYS = [
    *("id", "version", "git_commit", "status"),
    *("build_started_at", "build_completed_at", "deployed_at"),
]
VARIABLE_KEYS = ["id", "key", "is_system", "created_at"]
LINE_KEYS = ["timestamp", "message", "source"]


def app_body(**changes: object) -> dict[str, Any]:
    """A valid new app with a slug of its own; None leaves a field out."""
    given: dict[str, Any] = {
        "name": "My App",
        "slug": f"my-app-{next(_numbers)}",
        "git_url": "https://github.com/user/repo",
        "git_branch": "main",
        "buildpack": "heroku/python",
    }
    return {key: value for key, value in {**given, **changes}.items() if value is not None}
