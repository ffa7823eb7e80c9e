"""What the facts amount to: one pure fold from events to the station's state."""
