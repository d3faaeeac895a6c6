"""From results to lines of text."""
