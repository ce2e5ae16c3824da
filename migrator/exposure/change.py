"""One difference between two states, and how it is told."""

from typing import Any, NamedTuple

from migrator.model.resource import Ref

from .callers import Sample
from .calling import Caller
from .paths import Path
from .requests import LIMIT
from .targets import Pair
from .verdict import Verdict


class Change(NamedTuple):
    """One request of one class of callers whose fate differs.

    `principal` is empty for callers without identity; `alike` says that it only stands for others that no
    policy tells from it. `policy` and `hop`: of an opening what denied before, of a closing what denies
    now. `direct`: the call goes to the pods, by address or through a Service without a virtual IP.
    """

    caller: Caller
    principal: str
    alike: bool
    service: Ref | None
    server: Ref | None
    direct: bool
    port: int
    request: str
    policy: Ref | None
    hop: str
    why: str

    @property
    def target(self) -> Ref:
        """The Service, or the workload whose address is called. Raises LookupError where there is neither."""
        found = self.service or self.server
        if found is None:
            message = f"{self} is not about one target"
            raise LookupError(message)
        return found


def of_protocol(pair: Pair) -> Change:
    """What proxies read on the port is another thing than before: requests cannot be compared."""
    return _of_all(pair, "the protocol of the port is another one than before")


def of_too_many(pair: Pair) -> Change:
    """Not every request was looked at."""
    return _of_all(
        pair,
        f"the policies tell more than {LIMIT} combinations of fields apart, not all were compared",
    )


def _of_all(pair: Pair, why: str) -> Change:
    where = _where(pair)
    return Change(
        Caller.OUTSIDE, "", alike=True, request="any", policy=None, hop="", why=why, **where
    )


def _where(pair: Pair) -> dict[str, Any]:
    return {
        "service": pair.before.service.ref if pair.before.service else None,
        "server": min(pair.servers) if len(pair.servers) == 1 else None,
        "direct": pair.before.is_direct,
        "port": pair.before.port,
    }


def change_of(pair: Pair, sample: Sample, request: str, told: tuple[Verdict, Path, Path]) -> Change:
    """The change of one request; `told`: the verdict that it is about, and the ways before and now."""
    verdict, then, now = told
    return Change(
        caller=now.caller,
        principal=sample.source.principal if now.caller is not Caller.OUTSIDE else "",
        alike=not sample.alone,
        request=request,
        policy=verdict.policy,
        hop=verdict.hop,
        why=f"{verdict.why}: before {_through(then)}, now {_through(now)}",
        **_where(pair),
    )


def _through(way: Path) -> str:
    if way.refused or way.unknown:
        return way.refused or way.unknown
    told = way.caller is not Caller.OUTSIDE  # of whom nobody expects anything else
    hops = ", then ".join(
        f"the {h.enforcing.by} of {h.enforcing.where}{' in plain text' * (told and h.plaintext)}"
        for h in way.hops
    )
    return (
        f"{way.caller} callers pass {hops}"
        if hops
        else f"nobody stands between {way.caller} callers and the pods"
    )
