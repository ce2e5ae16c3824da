"""What a plan opens, closes and reroutes, in the words and the order of every form of its report."""

from collections.abc import Iterator

from migrator.planner.plan import Plan

Said = list[tuple[str, str]]


def exposed(plan: Plan) -> Iterator[tuple[str, str, Said]]:
    """Each heading with its colour, and what stands below it: the wave, or of a rollback
    what it does, and a sentence. What nobody knows,
    or accepted, only where there is something.
    """
    waves = [wave for phase in plan.phases for wave in phase.waves]
    opens = [(w.name, str(one)) for w in waves for one in w.exposure.opens]
    closes = [(w.name, str(one)) for w in waves for one in w.exposure.closes]
    unknown = [(w.name, str(one)) for w in waves for one in w.exposure.unknown]
    reroutes = [(w.name, str(one)) for w in waves for one in w.exposure.reroutes]
    accepted = [(w.name, one) for w in waves for one in w.exposure.accepted]
    yield "OPENS (a request that was denied passes)", "red", opens
    yield "CLOSES (a request that passed is refused)", "yellow", closes
    if unknown:
        yield "UNKNOWN (a request may pass or be refused, nobody can say which)", "yellow", unknown
    yield "REROUTES (a call that passes is routed in another way)", "yellow", reroutes
    back = plan.rollback
    undone = [
        (name, str(one))
        for name, found in (
            ("opens", back.opens),
            ("closes", back.closes),
            ("unknown", back.unknown),
        )
        for one in found
    ]
    yield "ROLLED BACK FROM ANY CHECKPOINT, what the way forward does not do", "yellow", undone
    if accepted:
        yield (
            "ACCEPTED BY A PERSON (it may open or break what the model does not see)",
            "red",
            accepted,
        )
