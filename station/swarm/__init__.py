"""Many complete stations in a few processes, and a verdict on the CSMS that they talked to."""
