"""A plan that installs nothing, for tests of guests' insides."""

from paas.domain.specs import BuildPlan

PLAN = BuildPlan(
    framework="flask",
    runtime="python",
    runtime_version=None,
    root="",
    install=(),
    kept=(),
    dependencies_hash="",
    build=(),
    release=(),
    start="exec python3 server.py",
    document_root="",
    health_path="/",
    environment={},
    reasons=(),
)
