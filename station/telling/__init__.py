"""What happened, in words: one wording for the journal of the daemon and for whoever reads a log."""
