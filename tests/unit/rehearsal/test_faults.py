"""Which answers a fault explains by itself."""

from dataclasses import replace

import pytest

from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.rehearsal.calls import Answer, Call, Sample
from migrator.rehearsal.faults import Fault, Trouble
from migrator.rehearsal.ledger import Ledger, Where

CART = Ref(*kinds.DEPLOYMENT, "shop", "cart")
STOCK = Ref(*kinds.DEPLOYMENT, "warehouse", "stock")


def call(caller, server, *, http=True):
    service = Ref(*kinds.SERVICE, server.namespace, server.name)
    return Call("c1", caller, "sidecar", "", service, (server,), "", 80, 80, http=http, says="")


@pytest.mark.parametrize(
    ("trouble", "kind", "caller", "server", "explained"),
    [
        (Trouble.ENROLMENT, "opened", None, CART, True),
        (Trouble.ENROLMENT, "closed", CART, STOCK, True),
        (Trouble.ENROLMENT, "opened", None, STOCK, False),
        (Trouble.ERRORS, "failed", STOCK, CART, True),
        (Trouble.ERRORS, "closed", STOCK, CART, False),
        (Trouble.ERRORS, "failed", CART, STOCK, False),
        (Trouble.WAYPOINT, "failed", STOCK, CART, False),
        (Trouble.IMAGE, "failed", STOCK, CART, False),
    ],
)
def test_only_what_the_fault_touches_is_explained(trouble, kind, caller, server, explained):
    fault = Fault(trouble, "shop", CART)
    assert fault.explains(kind, call(caller, server)) is explained


@pytest.mark.parametrize(
    ("kind", "http", "expected"),
    [
        ("failed", True, True),
        ("failed", False, True),
        ("closed", False, True),
        ("closed", True, False),
    ],
)
def test_a_connection_that_ends_without_a_word_may_have_met_nobody(kind, http, expected):
    """What a proxy does to TCP, and never to HTTP, when the server behind it restarts or is gone."""
    made = call(STOCK, CART, http=http)
    assert Fault(Trouble.ERRORS, "shop", CART).explains(kind, made) is expected
    ledger = Ledger([made])
    ledger.learn([Sample("c1", Answer.ALLOWED)])
    answer = Answer.FAILED if kind == "failed" else Answer.DENIED
    ledger.judge([Sample("c1", answer)], Where("the plan", "wave", "restart", CART))
    (incident,) = ledger.incidents()
    assert (incident.kind, incident.expected) == (kind, "plan" if expected else "")


@pytest.mark.parametrize(
    ("answer", "servers", "needed"),
    [
        (Answer.ALLOWED, (CART,), {CART}),
        (Answer.DENIED, (CART,), set()),
        (Answer.ALLOWED, (CART, STOCK), set()),  # the other one answers on
    ],
)
def test_without_a_needed_workload_a_call_fails_that_was_allowed(answer, servers, needed):
    ledger = Ledger([replace(call(None, CART), servers=servers)])
    ledger.learn([Sample("c1", answer)])
    assert ledger.needed() == needed
