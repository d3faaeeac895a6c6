"""Usage, cost and egress of every call, and the limits on them."""
