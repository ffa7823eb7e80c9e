"""The process of the station: what it is made of, how it begins and how it ends."""
