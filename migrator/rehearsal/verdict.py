"""What a rehearsal's findings add up to."""

from collections.abc import Iterable, Sequence

from .ledger import Ledger
from .result import FaultReport, Incident, Outcome


def judge(
    ledger: Ledger, faults: Sequence[FaultReport], problems: Sequence[str], unsure: Sequence[str]
) -> tuple[Outcome, tuple[str, ...]]:
    """`problems` failed by themselves; `unsure` is what nobody could see."""
    wrong = [*problems, *_of_incidents(ledger.incidents()), *_of_faults(faults)]
    if wrong:
        return Outcome.FAILED, tuple(wrong)
    doubts = [*unsure]
    unstable = ledger.baseline().unstable
    if unstable:
        doubts.append(f"{unstable} calls were not answered alike before anything was changed")
    if doubts:
        return Outcome.INCONCLUSIVE, tuple(doubts)
    stopped = "every fault was stopped at" if faults else "no fault was put in"
    return Outcome.PASSED, (f"every call was answered as before, and {stopped}",)


def _of_incidents(incidents: Iterable[Incident]) -> list[str]:
    found = [one for one in incidents if not one.expected]
    said = []
    for kind, words in _WORDS.items():
        count = sum(one.kind == kind for one in found)
        if count:
            said.append(f"{count} calls {words}")
    return said


_WORDS = {
    "opened": "that were denied were let through",
    "closed": "that were allowed were denied",
    "failed": "that were allowed got no good answer",
}


def _of_faults(faults: Iterable[FaultReport]) -> list[str]:
    said = []
    for one in faults:
        if not one.stopped:
            said.append(f"{one.fault}: the run went on")
        elif not one.rolled_back:
            said.append(f"{one.fault}: the rollback stands")
        elif not one.baseline_holds:
            said.append(f"{one.fault}: after the rollback calls are not answered as before")
    return said
