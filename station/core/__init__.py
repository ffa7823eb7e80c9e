"""The core: the step, what a feature is, and how frames and calls of either side are dealt with. Knows no message by name."""
