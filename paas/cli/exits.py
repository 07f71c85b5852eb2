"""What the command's exit codes mean; scripts rely on them, so they never change meaning."""

from collections.abc import Mapping

OK = 0
FAILED = 1
USAGE = 2
REFUSED = 3
UNREACHABLE = 4
NOT_SIGNED_IN = 5
INTERRUPTED = 130

MEANINGS: Mapping[int, str] = {
    OK: "it is done",
    FAILED: "the platform tried and it failed (a deployment, a stop, a check of doctor)",
    USAGE: "the command line or a setting cannot be used; nothing was sent",
    REFUSED: "the platform refused the request; nothing was changed",
    UNREACHABLE: "the platform does not answer, or answers that it cannot",
    NOT_SIGNED_IN: "the platform wants a token, or does not know the one it was given",
    INTERRUPTED: "interrupted; what was accepted goes on without this command",
}


class CliFailure(Exception):
    """Ends the command: ``sentences`` go to stderr, ``document`` to stdout under ``--json``."""

    def __init__(
        self, code: int, *sentences: str, document: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(" ".join(sentences))
        self.code = code
        self.sentences = sentences
        self.document = document
