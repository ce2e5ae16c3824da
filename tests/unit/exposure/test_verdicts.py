"""Single facts of the packet lab, as verdicts."""

from migrator.exposure.paths import Caller
from migrator.exposure.verdict import Request, verdicts
from migrator.istio import kinds
from migrator.model.resource import Ref

from . import lab

GATEWAY = Ref(*kinds.GATEWAY, lab.NS, "waypoint")


def ask(state, caller, name="c1", service="orders", **more):
    """The answers to one request, `GET /ok/1` unless said otherwise."""
    wanted = {"method": "GET", "path": "/ok/1", "port": 80, **more}
    principal = lab.identity(name) if name else ""
    request = Request(caller, Ref(*kinds.SERVICE, lab.NS, service), principal=principal, **wanted)
    return {str(v.answer) for v in verdicts(state, request)}


def test_sidecars_enforce_the_old_policies():
    run = lab.Run()

    assert ask(run.state, Caller.SIDECAR) == {"allowed"}
    assert ask(run.state, Caller.SIDECAR, method="DELETE") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, path="/no") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, "c2") == {"denied"}
    assert ask(run.state, Caller.SIDECAR, "c2", "stock") == {"allowed"}
    assert ask(run.state, Caller.OUTSIDE, "", "stock") == {"denied"}
