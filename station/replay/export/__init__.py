"""What leaves a log: tables, scenarios, names taken out."""
