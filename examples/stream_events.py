"""Watch a run while it happens: one line for each event.

python examples/stream_events.py "How many breeding pairs of terns were counted?" examples/documents
"""

import asyncio
import sys

from minions import Minions


async def main(question: str, *paths: str) -> None:
    """Ask the question, and print each step of the run."""
    with Minions() as minions:
        async for event in minions.stream(question, paths):
            match event.kind:
                case "plan":
                    tasks = ", ".join(task.instruction for task in event.plan.tasks)
                    print(f"plan: {event.jobs} jobs for {tasks}")
                case "job":
                    print(f"job: {event.status} in {event.path}")
                case "finding":
                    print(f"finding: {event.finding.citation.quote!r}")
                case "answer":
                    print(f"answer: {event.answer.answer}")
                case other:
                    print(other)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
