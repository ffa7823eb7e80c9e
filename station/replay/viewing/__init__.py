"""A log looked at in a browser: the views of the page at a moment of the log, and the server of them on loopback."""
