"""Test tools: a scripted model, a fake clock, and a model server on this machine.

They are for tests of this project and of programs that use it. `minions.testing.faults` has the
faults that a LoopbackServer can show.
"""

from minions.models.scripted import Rule, Script, ScriptedModel
from minions.testing.clock import FakeClock
from minions.testing.faults import Fault
from minions.testing.loopback import LoopbackServer, Received

__all__ = ["FakeClock", "Fault", "LoopbackServer", "Received", "Rule", "Script", "ScriptedModel"]
