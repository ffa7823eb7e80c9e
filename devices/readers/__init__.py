"""Readers of id tags that hang on no pin: serial ports and USB keyboards, and what all readers have in common."""
