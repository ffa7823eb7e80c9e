"""The loopback service: what the station shows over HTTP, and on a bench the controls of its world.

Nothing is imported here: the web framework is loaded by `server.serve`, when somebody asks for the first time.
"""
