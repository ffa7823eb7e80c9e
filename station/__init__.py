"""The charge point itself: wire format, features, kernel, replay, runtime and commands."""
