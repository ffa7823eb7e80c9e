"""The world of copper: what a charging station senses and drives, behind `protocols.StationBoard`."""
