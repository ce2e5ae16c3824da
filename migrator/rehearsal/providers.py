"""What a rehearsal asks of the cluster that it runs on, as Protocols; `adapters/throwaway` keeps them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from .calls import Call, Sample
from .faults import Fault
from .matrix import Ability


class Nature(NamedTuple):
    """What is real on such a cluster, what only looks as if, and what its traffic can show."""

    proven: tuple[str, ...]
    simulated: tuple[str, ...]
    ability: Ability


class Traffic(Protocol):
    """Calls that are made again and again, beside everything else that goes on."""

    def start(self, calls: Sequence[Call], namespaces: Sequence[str]) -> None:
        """Begin; what was made before is forgotten."""

    def take(self) -> Sequence[Sample]:
        """The answers since the last time; at least one of each call that can be made now."""

    def stop(self) -> None:
        """Make no more calls."""


class Throwaway(Protocol):
    """One disposable cluster with Istio in sidecar mode."""

    @property
    def kubeconfig(self) -> str: ...

    @property
    def context(self) -> str: ...

    @property
    def istio(self) -> str:
        """The version that runs there."""

    @property
    def traffic(self) -> Traffic: ...

    def install_ambient(self) -> None:
        """Add what the plan's first phase asks a person to install."""

    def put_in(self, fault: Fault) -> None:
        """Make it happen."""

    def take_out(self, fault: Fault) -> None:
        """Make it good again; pods that could not start may need to be made anew."""

    def delete(self) -> None:
        """Everything that was made is gone when this returns; nothing to delete is no error."""


class Leftover(NamedTuple):
    """What a rehearsal made. `used` says why it may still be wanted; empty for what nobody uses."""

    name: str
    used: str = ""


class Provider(Protocol):
    """Where disposable clusters come from."""

    @property
    def name(self) -> str: ...

    @property
    def nature(self) -> Nature: ...

    def create(self, istio: str) -> Throwaway:
        """A cluster, with Istio near this version. Raises MigrateError; then nothing is left over."""

    def leftovers(self) -> Sequence[Leftover]:
        """What rehearsals made and what is still there; that of running ones too, which it says."""

    def remove(self, leftover: str) -> None:
        """Delete one of `leftovers`, by its name, whoever uses it."""
