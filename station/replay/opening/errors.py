"""What may go wrong with what was asked for. Each is one line for the person who asked, never a stack trace."""


class ReplayError(Exception):
    """What was asked for cannot be done; `status` is the exit status of the command."""

    status = 1


class LogUnreadable(ReplayError):  # noqa: N818  # it says what is the case
    """There is no log here, or it cannot be read; the message says why."""


class LogFromTheFuture(LogUnreadable):  # it says what is the case
    """The log was written by a newer version than this one."""

    status = 3


TOO_LARGE = "the log takes more memory than there is for it: CHARGEBOX_MEMORY_MIB says how much there is"


class BadQuestion(ReplayError):  # noqa: N818  # it says what is the case
    """The question names something that is not in the log, or is not a question; the message says what."""

    status = 2


class LibraryMissing(ReplayError):  # noqa: N818  # it says what is the case
    """A library that only this command needs is not installed."""

    def __init__(self, what: str, library: str) -> None:
        super().__init__(
            f"{what} needs {library}, which is not installed: pip install '{library}' (or 'chargebox[replay]' for all)"
        )
