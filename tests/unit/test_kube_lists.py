"""The pages of a list: how they are asked for, and what is made of them."""

from collections.abc import Sequence
from threading import Event

import msgspec
import pytest

from migrator.adapters.kube.lists import read_list
from migrator.adapters.kube.resources import Served
from migrator.istio import kinds

PODS = Served(kinds.POD, "v1", "pods", namespaced=True)
SERVICES = Served(kinds.SERVICE, "v1", "services", namespaced=True)
PATIENCE = 30


class TwoPages:
    """An API whose lists have two pages; it tells when the second one was asked for."""

    def __init__(self) -> None:
        self.asked_for_second = Event()

    def request(
        self, _method: str, _path: str, *, query: Sequence[tuple[str, str]], **_: object
    ) -> bytes:
        if ("continue", "more") in query:
            self.asked_for_second.set()
            return page(item("second"))
        return page(item("first"), more="more")


class OnePage:
    def __init__(self, *items: dict[str, object]) -> None:
        self.items = items

    def request(self, *_: object, **__: object) -> bytes:
        return page(*self.items)


def item(name: str, **rest: object) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "shop", "managedFields": [{}]}, **rest}


def page(*items: dict[str, object], more: str = "") -> bytes:
    return msgspec.json.encode({"metadata": {"continue": more}, "items": items})


def bodies(api: object, served: Served) -> list[dict[str, object]]:
    pages = read_list(api, served, "", lambda: None)  # type: ignore[arg-type]  all that it asks for
    return [body for found, _ in pages for body in found]


def test_the_next_page_is_asked_for_while_one_is_worked_on() -> None:
    api = TwoPages()
    pages = read_list(api, PODS, "", lambda: None)  # type: ignore[arg-type]  all that it asks for

    first, _ = next(pages)

    assert api.asked_for_second.wait(PATIENCE)
    assert [body["metadata"]["name"] for body in first] == ["first"]
    assert [body["metadata"]["name"] for found, _ in pages for body in found] == ["second"]


def test_a_list_that_is_left_early_leaves_no_request_behind() -> None:
    api = TwoPages()
    pages = read_list(api, PODS, "", lambda: None)  # type: ignore[arg-type]  all that it asks for
    next(pages)

    pages.close()  # type: ignore[attr-defined]  a generator

    assert api.asked_for_second.is_set()


@pytest.mark.parametrize(
    ("served", "found"),
    [
        pytest.param(SERVICES, {"spec": {"clusterIP": None}, "data": {"a": "b"}}, id="whole"),
        pytest.param(PODS, {}, id="metadata only"),
    ],
)
def test_what_is_kept_of_an_item(served: Served, found: dict[str, object]) -> None:
    """Managed fields go, what is null at the top counts as absent, and the kind is told."""
    given = item("a", spec={"clusterIP": None}, status=None, data={"a": "b"}, kind="Wrong")

    assert bodies(OnePage(given), served) == [
        {
            "apiVersion": "v1",
            "kind": served.kind.kind,
            "metadata": {"name": "a", "namespace": "shop"},
            **found,
        }
    ]
