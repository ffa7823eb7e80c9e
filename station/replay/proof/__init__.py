"""What can be proven of a log: its chain, its decisions, its statements."""
