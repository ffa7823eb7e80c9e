"""The charge point itself: wire format, features, kernel, replay, runtime and commands."""

VERSION = "0.2.0"
"""Of the whole distribution."""
