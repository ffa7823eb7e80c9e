"""The flight recorder: what a log tells, offline and read-only (docs/replay.md). It never writes to a log."""
