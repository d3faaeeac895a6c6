"""From settings to models: `lineup` chooses and checks them, `recruit` opens them."""
