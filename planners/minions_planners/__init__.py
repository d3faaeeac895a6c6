"""Strategies that plan and decide: over a cloud model, in a chat, and without a cloud."""
