"""The certification cases against a station of one's own, and the papers that a laboratory would print."""
