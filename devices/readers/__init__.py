"""Readers of id tags that hang on no pin: serial ports, the PN532 chip and USB keyboards, and what all readers have in common."""
