"""The command line: arguments only; what the commands do stands elsewhere."""
