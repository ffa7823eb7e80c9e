"""The bench: a simulated board, cables and vehicles, for every day on which no copper is at hand."""
