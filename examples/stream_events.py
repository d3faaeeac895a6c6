"""Watch a run as it happens: every event as one line.

python examples/stream_events.py "How many breeding pairs of terns were counted?" examples/documents
"""

import asyncio
import sys

from minions import Minions
from minions.values.events import AnswerEvent, FindingEvent, JobEvent, PlanEvent


async def main(question: str, *paths: str) -> None:
    """Ask, and tell what happens."""
    with Minions() as minions:
        async for event in minions.stream(question, paths):
            match event:
                case PlanEvent(plan=plan, jobs=jobs):
                    print(
                        f"plan: {jobs} jobs for {', '.join(task.instruction for task in plan.tasks)}"
                    )
                case JobEvent(path=path, status=status):
                    print(f"job: {status} in {path}")
                case FindingEvent(finding=finding):
                    print(f"finding: {finding.citation.quote!r}")
                case AnswerEvent(answer=answer):
                    print(f"answer: {answer.answer}")
                case _:
                    print(event.kind)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
