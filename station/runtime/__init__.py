"""The shell: what connects the pure core with the log, the board, the CSMS and the clock."""
