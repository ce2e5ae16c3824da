"""What calls answered before, and every answer since that was another one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from migrator.model.resource import Ref
from migrator.planner.plan import ChangedCalls, Exposure
from migrator.ports import Rate

from .calls import Answer, Call, Sample
from .faults import Fault
from .result import Baseline, Incident

Kind = Literal["opened", "closed", "failed"]
Expected = Literal["", "plan", "fault"]


class Where(NamedTuple):
    """The point of a rehearsal at which an answer came.

    `interrupts`: a workload of which the plan says that the step interrupts it, and that was accepted.
    """

    during: str
    wave: str
    step: str
    interrupts: Ref | None = None


class _Key(NamedTuple):
    """What makes two answers the same incident: steps that follow do not make it another one."""

    call: str
    kind: Kind
    during: str
    expected: Expected


@dataclass
class _Seen:
    first: Where
    last: str
    sample: Sample
    count: int = 0


class Ledger:
    """Judges samples against the baseline; nothing is judged before there is one."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls: Mapping[str, Call] = {call.id: call for call in calls}
        self._before: dict[str, Sample] = {}
        self._unstable: set[str] = set()
        self._seen: dict[_Key, _Seen] = {}
        self._announced: dict[Kind, list[ChangedCalls]] = {"opened": [], "closed": []}
        self._missed: dict[str, float] = {}
        self.samples = 0
        self.simulated = 0
        self._judged = self._errors = self._refused = 0

    def learn(self, samples: Iterable[Sample]) -> None:
        """One look before anything is changed; a call that answers differently at another is unstable."""
        for sample in samples:
            self._count(sample)
            known = self._before.setdefault(sample.call, sample)
            if known.answer is not sample.answer:
                self._unstable.add(sample.call)

    def baseline(self) -> Baseline:
        found = Counter(sample.answer for sample in self._steady())
        callers = Counter(call.kind for call in self._calls.values())
        return Baseline(
            allowed=found[Answer.ALLOWED],
            denied=found[Answer.DENIED],
            failed=found[Answer.FAILED],
            unstable=len(self._unstable),
            callers=dict(sorted(callers.items())),
        )

    def needed(self) -> frozenset[Ref]:
        """Workloads that alone answer a call that is allowed: without them it fails."""
        allowed = (self._calls[s.call] for s in self._steady() if s.answer is Answer.ALLOWED)
        return frozenset(call.servers[0] for call in allowed if len(call.servers) == 1)

    def judge(self, samples: Iterable[Sample], where: Where, fault: Fault | None = None) -> None:
        """Count what is not as before."""
        for sample in samples:
            self._count(sample)
            known = self._before.get(sample.call)
            if known is None or sample.call in self._unstable or known.answer is Answer.FAILED:
                continue
            kind = _kind(known.answer, sample.answer)
            call = self._calls[sample.call]
            expected = self._expected(call, kind, where, fault) if kind else ""
            if known.answer is Answer.ALLOWED and expected != "plan":
                self._judged += 1
                self._errors += sample.answer is Answer.FAILED
                self._refused += sample.answer is Answer.DENIED
            if kind:
                key = _Key(call.id, kind, where.during, expected)
                seen = self._seen.setdefault(key, _Seen(where, where.step, sample))
                seen.last, seen.count = where.step, seen.count + 1

    def miss(self, where: Where, seconds: float) -> None:
        """No call was answered for so long: nobody knows what happened there."""
        during = where.during + (f", at {where.step}" if where.step else "")
        self._missed[during] = max(seconds, self._missed.get(during, 0))

    def missed(self) -> tuple[str, ...]:
        """What nobody saw, in words."""
        return tuple(
            f"no call was answered for {seconds:.0f} s during {during}"
            for during, seconds in self._missed.items()
        )

    def differs(self, samples: Sequence[Sample]) -> tuple[str, ...]:
        """The calls of the baseline that are not answered as they were, in words."""
        now: dict[str, set[str]] = {}
        for sample in samples:
            self._count(sample)
            now.setdefault(sample.call, set()).add(sample.answer)
        return tuple(
            f"{call.who} to {call.service} port {call.port}: {call.says}; before {old.answer}, now "
            f"{' or '.join(sorted(now.get(call.id, ()))) or 'not made'}"
            for old in self._steady()
            if now.get(old.call, set()) != {old.answer} and (call := self._calls[old.call])
        )

    def begin(self) -> None:
        """What was measured so far says nothing about the run that begins."""
        self._judged = self._errors = self._refused = 0

    def rate(self) -> Rate | None:
        """Of calls that were allowed before, since the last time this was asked."""
        found = Rate(float(self._judged), float(self._errors), float(self._refused))
        self.begin()
        return found if found.requests else None

    def announce(self, exposure: Exposure) -> None:
        """What the plan says that it opens and closes from this wave on."""
        self._announced["opened"].extend(exposure.opens)
        self._announced["closed"].extend(exposure.closes)

    def incidents(self) -> tuple[Incident, ...]:
        """One for each call and kind, with the steps at which it was first and last seen."""
        return tuple(self._incident(key, seen) for key, seen in self._seen.items())

    def _incident(self, key: _Key, seen: _Seen) -> Incident:
        call, before = self._calls[key.call], self._before[key.call]
        return Incident(
            during=key.during,
            wave=seen.first.wave,
            step=seen.first.step,
            until=seen.last,
            kind=key.kind,
            caller=call.who,
            service=str(call.service),
            port=call.port,
            request=call.says,
            before=before.answer,
            by=before.by if key.kind == "opened" else seen.sample.by,
            samples=seen.count,
            simulated=seen.sample.simulated,
            expected=key.expected,
        )

    def _expected(self, call: Call, kind: Kind, where: Where, fault: Fault | None) -> Expected:
        """Why this was to be expected: the fault, or what the plan says of any wave so far."""
        if fault is not None and fault.explains(kind, call):
            return "fault"
        interrupted = call.may_be_unserved(kind) and where.interrupts in call.servers
        said = any(_is_meant(one, call) for one in self._announced.get(kind, ()))
        return "plan" if interrupted or said else ""

    def _steady(self) -> list[Sample]:
        return [s for s in self._before.values() if s.call not in self._unstable]

    def _count(self, sample: Sample) -> None:
        self.samples += 1
        self.simulated += sample.simulated


def _kind(before: Answer, now: Answer) -> Kind | None:
    if before is now or (before is Answer.DENIED and now is Answer.FAILED):
        return None  # what was refused and now gets no answer is lost to nobody
    if now is Answer.ALLOWED:
        return "opened"
    return "closed" if now is Answer.DENIED else "failed"


def _is_meant(said: ChangedCalls, call: Call) -> bool:
    """Whether the plan speaks of this call; all calls go to Services, none past them."""
    who = said.alike or call.principal in said.identities or not (said.identities or call.principal)
    target = said.target.ref in {call.service, *call.servers}
    return who and target and call.port in said.ports and not said.direct
