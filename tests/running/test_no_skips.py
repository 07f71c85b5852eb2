"""A skip passes on a developer's machine and fails where everything must run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = (
    "from tests.no_skips import pytest_make_collect_report, pytest_runtest_makereport\n"
    "__all__ = ['pytest_make_collect_report', 'pytest_runtest_makereport']\n"
)
BODY = """
import pytest

def test_skips():
    pytest.skip("php is not installed")

@pytest.mark.xfail
def test_fails_as_expected():
    assert False
"""
MODULE = "import pytest\npytest.skip('node is not installed', allow_module_level=True)\n"


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 1)])
def test_a_skip_fails_only_where_all_must_run(tmp_path: Path, required: str, code: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_body.py").write_text(BODY)
    (tmp_path / "test_module.py").write_text(MODULE)
    checkout = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "--continue-on-collection-errors", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PAAS_TEST_REQUIRE": required, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = ran.stdout + ran.stderr
    assert "php is not installed" in shown
    assert "node is not installed" in shown
    assert "1 xfailed" in shown or code
    assert (ran.returncode != 0) == bool(code), shown
    assert ("allows no skip" in shown) == bool(code)
