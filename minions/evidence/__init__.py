"""Is the quote there, what do thousands of findings amount to, and what of it goes up."""
