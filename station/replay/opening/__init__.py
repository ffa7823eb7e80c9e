"""Opening a log of any shape for reading, and finding a place in it: rows, states, times."""
