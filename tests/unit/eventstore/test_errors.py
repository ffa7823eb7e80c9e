"""The errors of the storage are one family, so that a caller can tell them from mistakes in the program."""

import pytest

from eventstore import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.LogLocked,
        errors.LogTooNew,
        errors.NotWritable,
        errors.LogCorrupt,
        errors.UnknownEventType,
        errors.StorageFailed,
    ],
)
def test_every_error_is_a_storage_error(error: type[errors.StorageError]) -> None:
    assert issubclass(error, errors.StorageError)
    assert not issubclass(error, OSError)
