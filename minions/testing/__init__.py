"""For tests of your own setup, and of this project: a scripted model, a fake clock, a server on this machine.

``minions.testing.faults`` has what a LoopbackServer can do wrong.
"""

from minions.models.scripted import Rule, Script, ScriptedModel
from minions.testing.clock import FakeClock
from minions.testing.faults import Fault
from minions.testing.loopback import LoopbackServer, Received

__all__ = ["FakeClock", "Fault", "LoopbackServer", "Received", "Rule", "Script", "ScriptedModel"]
