"""What keeps a voter from answering: failures that may pass, so that asking again helps, and failures that last."""

from maos_flows.errors import MaosError


class VoterError(MaosError):
    """A voter gave no usable answer."""


class PassingError(VoterError):
    """A failure that may pass: the agent is asked again, within its retries. A user's function may raise it."""


class AttemptTimeoutError(PassingError):
    """One attempt took too long."""


class BusyError(PassingError):
    """A failure with a time to wait for: asking again earlier would fail again.

    Attributes:
        retry_after_seconds: How long to wait at least.
    """

    def __init__(self, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class MalformedError(PassingError):
    """An answer that is not one: nothing in it is guessed at."""


class LastingError(VoterError):
    """A failure that asking again does not mend: a program that is not there, a function that raises."""
