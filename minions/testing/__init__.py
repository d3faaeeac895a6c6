"""For tests of your own setup, and of this project: a scripted model, a fake clock, a server on this machine."""

from minions.models.scripted import Rule, Script, ScriptedModel
from minions.testing.clock import FakeClock

__all__ = ["FakeClock", "Rule", "Script", "ScriptedModel"]
