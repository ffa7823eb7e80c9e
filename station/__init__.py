"""The charge point itself: wire format, features, kernel, replay, runtime and commands."""

VERSION = "0.2.0"
"""Of the whole distribution."""
RELEASED_UTC_MS = 1_795_824_000_000
"""2026-11-28: no clock was right before it that runs this version. Set anew with each VERSION."""
