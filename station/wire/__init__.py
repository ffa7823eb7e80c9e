"""What travels on the link to the CSMS: OCPP-J 1.6 frames, and the messages of OCPP 1.6 as frozen values.

Pure: no clock, no chance, no input or output. `frames` knows the JSON array around a message, `schema` turns payloads into
messages and back, `messages` declares them, `enums` and `primitives` are their vocabulary, `instants` their notation of time.
"""
