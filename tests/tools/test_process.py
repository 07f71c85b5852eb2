"""Output comes line by line; ends are told apart; children see what they may see."""

import os
import signal
from pathlib import Path

import pytest

from paas.domain.errors import Cancelled, StepInterrupted
from paas.tools.process import Leash, clean_environment, run

from .support import MARK, PYTHON, command, is_running


def run_python(folder: Path, program: str, **options: object) -> tuple[int, list[str]]:
    lines: list[str] = []
    arguments = {"deadline": 60.0, "leash": Leash(), "on_line": lines.append, **options}
    exit_ = run(command(folder, PYTHON, "-c", program), **arguments)  # type: ignore[arg-type]
    return exit_.code, lines


def test_both_outputs_arrive_as_lines(tmp_path: Path) -> None:
    program = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    code, lines = run_python(tmp_path, program)
    assert code == 3
    assert sorted(lines) == ["one", "two"]


def test_the_error_output_can_be_kept_apart(tmp_path: Path) -> None:
    errors: list[str] = []
    program = "import sys; print('one'); print('two', file=sys.stderr)"
    _, lines = run_python(tmp_path, program, on_error=errors.append)
    assert (lines, errors) == (["one"], ["two"])


def test_an_unfinished_last_line_and_odd_bytes_arrive(tmp_path: Path) -> None:
    program = r"import sys; sys.stdout.buffer.write(b'a\xff\r\n\nend')"
    assert run_python(tmp_path, program)[1] == ["a\ufffd", "", "end"]


def test_a_very_long_line_comes_in_pieces_without_breaking_characters(tmp_path: Path) -> None:
    _, lines = run_python(tmp_path, "print('é' * 100_000)")
    assert "".join(lines) == "é" * 100_000
    assert max(len(line.encode()) for line in lines) <= 65536
    assert len(lines) == 4


def test_a_signal_shows_as_a_shell_would_show_it(tmp_path: Path) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run_python(tmp_path, program)[0] == 137


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    lines: list[str] = []
    exit_ = run(
        command(tmp_path, "no-such-program"), on_line=lines.append, deadline=60, leash=Leash()
    )
    assert exit_.code == 127
    assert [line.partition(": ")[0] for line in lines] == ["no-such-program cannot be started"]


def test_the_deadline_ends_the_program(tmp_path: Path) -> None:
    with pytest.raises(StepInterrupted, match="took longer than"):
        run_python(tmp_path, "import time; time.sleep(600)", deadline=0.2)


def test_stop_ends_the_program_and_is_raised(tmp_path: Path) -> None:
    with pytest.raises(Cancelled, match="enough"):
        run_python(tmp_path, "import time; time.sleep(600)", stop=lambda: Cancelled("enough"))


def test_an_uninterruptible_program_is_not_asked_to_stop(tmp_path: Path) -> None:
    exit_ = run(
        command(tmp_path, "sleep", "0.5", uninterruptible=True),
        on_line=print,
        deadline=60,
        leash=Leash(),
        stop=lambda: Cancelled("enough"),
    )
    assert exit_.code == 0


def test_a_failing_reader_ends_the_program(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise LookupError(line)

    with pytest.raises(LookupError):
        run_python(tmp_path, "import time; print('x', flush=True); time.sleep(600)", on_line=refuse)


def test_output_held_open_by_a_survivor_does_not_delay_the_end(tmp_path: Path) -> None:
    program = (
        "import os, subprocess; print(subprocess.Popen(['sleep', '600'], "
        "env={**os.environ, 'PAAS_SUPERVISOR': 'x'}, start_new_session=True).pid)"
    )
    code, lines = run_python(tmp_path, program)
    survivor = int(lines[0])
    assert is_running(survivor)
    os.kill(survivor, signal.SIGKILL)
    assert code == 0


def test_a_file_over_the_bound_ends_the_program(tmp_path: Path) -> None:
    out = tmp_path / "out"
    exit_ = run(
        command(tmp_path, "head", "-c", "100000", "/dev/zero", stdout=out, file_bytes=5000),
        on_line=print,
        deadline=60,
        leash=Leash(),
    )
    assert exit_.code != 0
    assert out.stat().st_size == 5000


def test_the_leash_counts_the_time_spent_on_children(tmp_path: Path) -> None:
    leash = Leash()
    exit_ = run(command(tmp_path, "sleep", "0.2"), on_line=print, deadline=60, leash=leash)
    assert exit_.seconds >= 0.2
    assert leash.child_seconds >= 0.2


def test_children_see_only_the_allowed_environment() -> None:
    base = {"PATH": "/bin", "HTTPS_PROXY": "p", "PAAS_API_TOKEN": "t", "LD_PRELOAD": "x"}
    assert clean_environment(base, {"A": "b"}) == {
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "HTTPS_PROXY": "p",
        "A": "b",
    }


def test_every_child_carries_its_mark(tmp_path: Path) -> None:
    program = "import os; print(os.environ['PAAS_ATTEMPT'])"
    assert run_python(tmp_path, program)[1] == [f"{MARK}1"]
