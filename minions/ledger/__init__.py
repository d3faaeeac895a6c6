"""What was used, what it cost, what left the device, and the limits on all three."""
