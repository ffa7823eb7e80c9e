"""What may go wrong with the storage. Anything else that the event store raises is a mistake in the program."""


class StorageError(Exception):
    """The log cannot be opened, read or written."""


class LogLocked(StorageError):  # noqa: N818  # it says what is the case
    """Another daemon holds the storage directory; the message names its process id."""


class LogTooNew(StorageError):  # noqa: N818  # it says what is the case
    """The file was written by a version whose log this version must not open."""


class NotWritable(StorageError):  # noqa: N818  # it says what is the case
    """The storage directory takes no writes, even once the disk reserve is released."""


class LogCorrupt(StorageError):  # noqa: N818  # it says what is the case
    """A row, the chain of digests or the file itself is damaged; the message names where."""


class UnknownEventType(StorageError):  # noqa: N818  # it says what is the case
    """The log holds an event name or version that this version has no class for."""


class OutOfDescriptors(StorageError):  # noqa: N818  # it says what is the case
    """No file descriptor was left for reading the log or for what lies beside it. Nothing has failed: try again."""


class StorageFailed(StorageError):  # noqa: N818  # it says what is the case
    """The storage failed while running. Nothing more can be appended: open the contactors and exit 70, no retry."""
