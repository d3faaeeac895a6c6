"""What the policy lets the cloud see."""
