"""Programs, kind, a disposable context and the traffic in pods, each with a stand-in for what it runs."""

import json
import os
import signal
import subprocess
import sys

import pytest

from migrator.adapters.fake import FakeClock, FakeCluster
from migrator.adapters.throwaway import owner
from migrator.adapters.throwaway.context import Context, refuse_occupied, refuse_unmarked
from migrator.adapters.throwaway.controlplane import PREFIX, ControlPlane
from migrator.adapters.throwaway.exec_traffic import OUTSIDE, ExecTraffic, outside
from migrator.adapters.throwaway.helper import Helper
from migrator.adapters.throwaway.istio import Images, Installer
from migrator.adapters.throwaway.kind import Kind, Wishes
from migrator.adapters.throwaway.runner import Programs
from migrator.errors import ClusterError, MigrateError
from migrator.istio import kinds
from migrator.model.resource import Ref
from migrator.rehearsal.calls import Answer, Call, Sample
from migrator.rehearsal.providers import Leftover


class FakeLines:
    def __init__(self, command, asked):
        self.command, self.asked = command, [json.loads(line) for line in asked.splitlines()]
        self.ended = False
        self.lines = [json.dumps([one["id"], "allowed", ""]) for one in self.asked] + ["Warning: x"]

    def read(self):
        return self.lines

    def end(self):
        self.ended = True


class FakeRunner:
    """Programs that are there, what they were told, and what some of them answer."""

    def __init__(self, *programs, answers=(), fails=""):
        self.programs, self.answers, self.fails = set(programs), dict(answers), fails
        self.commands, self.started = [], []

    def has(self, program):
        return program in self.programs

    def run(self, command, *, stdin="", seconds=600):
        text = " ".join(command)
        self.commands.append(text)
        if self.fails and text.startswith(self.fails):
            raise ClusterError(f"{self.fails} failed", detail="no space")
        return next((a for start, a in self.answers.items() if text.startswith(start)), "")

    def start(self, command, stdin):
        self.started.append(FakeLines(" ".join(command), stdin))
        return self.started[-1]


def test_kind_without_its_programs_says_which_and_what_for():
    with pytest.raises(MigrateError) as caught:
        Kind(FakeRunner("kubectl"), Wishes()).create("1.30.3")
    assert caught.value.detail == "kind: makes the cluster"


def test_without_an_installer_nothing_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runner = FakeRunner("kind", "kubectl")
    with pytest.raises(MigrateError, match="istioctl nor helm"):
        Kind(runner, Wishes()).create("")
    assert (runner.commands, list(tmp_path.iterdir())) == ([], [])


def test_a_cluster_that_cannot_be_made_is_deleted():
    runner = FakeRunner("kind", "kubectl", "istioctl", fails="kind create")
    with pytest.raises(ClusterError):
        Kind(runner, Wishes("node:1", image="i")).create("1.30.3")
    made, deleted = runner.commands
    assert "--image node:1" in made
    name = made.split("--name ")[1].split()[0]
    assert deleted == f"kind delete cluster --name {name}"


def test_images_are_loaded_by_name_or_from_an_archive(tmp_path):
    archive = tmp_path / "i.tar"
    archive.touch()
    runner = FakeRunner("kind", "kubectl", "istioctl")
    with pytest.raises(ClusterError, match="kubeconfig"):  # which the real kind would have written
        Kind(runner, Wishes(load=("a:1", str(archive)))).create("")
    loads = [c for c in runner.commands if c.startswith("kind load")]
    assert [c.split()[2:4] for c in loads] == [
        ["docker-image", "a:1"],
        ["image-archive", str(archive)],
    ]


def test_of_clusters_the_name_says_whose_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runner = FakeRunner("kind", "kubectl", "istioctl")
    with pytest.raises(ClusterError):  # no kubeconfig is written
        Kind(runner, Wishes()).create("")
    name = runner.commands[0].split("--name ")[1].split()[0]
    (tmp_path / f"kubeconfig-of-migrate-rehearsal-{ended()}-0000").mkdir()
    others = f"mine\n{name}\nmigrate-rehearsal-{ended()}-1111\nmigrate-rehearsal-0a1b2c\n"
    runner.answers["kind get"] = others
    found = dict(Kind(runner, Wishes()).leftovers())
    assert found == {
        "migrate-rehearsal-0a1b2c": "it does not say whose it is",
        f"migrate-rehearsal-{ended()}-0000": "",
        f"migrate-rehearsal-{ended()}-1111": "",
        name: f"the rehearsal of process {os.getpid()} uses it",
    }
    Kind(runner, Wishes()).remove(f"migrate-rehearsal-{ended()}-0000")
    assert list(tmp_path.iterdir()) == []


def test_istioctl_installs_from_a_mirror():
    runner = FakeRunner(
        "istioctl", answers={"istioctl version": '{"clientVersion": {"version": "1.30.3"}}'}
    )
    installer = Installer(
        runner, "k", "c", Images("mirror.example/istio", "1.30.3-x", gateway_api="g.yaml")
    )
    installer.sidecars()
    installer.ambient()
    crds, first, second = runner.commands
    assert crds == "kubectl --kubeconfig k --context c apply --server-side -f g.yaml"
    assert "--set profile=default" in first
    assert "--set hub=mirror.example/istio --set tag=1.30.3-x" in first
    assert "--set profile=ambient" in second
    assert installer.version() == "1.30.3-x"
    assert Installer(runner, "k", "", Images()).version() == "1.30.3"


def test_helm_installs_where_there_is_no_istioctl():
    runner = FakeRunner("helm")
    installer = Installer(runner, "k", "c", Images(charts="charts/", hub="h"))
    installer.sidecars()
    installer.ambient()
    charts = [c.split()[4] for c in runner.commands[1:]]
    assert charts == ["charts/base", "charts/istiod", "charts/base", "charts/istiod", "charts/cni",
                      "charts/ztunnel"]  # fmt: skip
    assert all("--set global.hub=h" in c for c in runner.commands[1:])
    with pytest.raises(MigrateError, match="istioctl nor helm"):
        Installer(FakeRunner(), "k", "", Images())


@pytest.mark.parametrize("where", ["default", "node"])
def test_a_context_is_refused_until_somebody_calls_it_disposable(where):
    label = {"migrate/disposable": "true"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": {}}}
    with pytest.raises(MigrateError, match="not called disposable"):
        refuse_unmarked(FakeCluster([space]), "prod")
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": label}}
    marked = {**space, "metadata": {"name": "default", "labels": label}}
    refuse_unmarked(FakeCluster([marked] if where == "default" else [space, node]), "mine")


CALL = Call(
    "c1", None, "outside", "", Ref("", "Service", "shop", "web"), (), "web.shop", 80, 8080,
    http=True, says="GET /",
)  # fmt: skip


def running():
    clock = FakeClock()
    cluster = FakeCluster(clock=clock)
    for manifest in outside("i", {}):
        cluster.create(manifest)
    clock.settle(60)
    runner = FakeRunner()
    return ExecTraffic(runner, cluster, clock, ["kubectl", "--kubeconfig", "k"]), runner, cluster


def test_two_generators_half_a_second_apart_in_pods_of_the_caller():
    traffic, runner, cluster = running()
    traffic.start([CALL], ["shop"])
    pods = {body["metadata"]["name"] for body in cluster.list(kinds.POD, OUTSIDE.namespace)}
    assert {one.command.split()[7] for one in runner.started} == pods
    assert [one.command.split("--delay=")[1] for one in runner.started] == [
        "0ms --every=1000ms --timeout=3000ms", "500ms --every=1000ms --timeout=3000ms",
    ]  # fmt: skip
    assert runner.started[0].asked == [CALL.data()]
    assert list(traffic.take()) == [Sample("c1", Answer.ALLOWED)] * 2


def test_a_generator_whose_pod_has_gone_begins_again_in_another():
    traffic, runner, _ = running()
    traffic.start([CALL], [])
    runner.started[0].ended = True
    traffic.take()
    assert len(runner.started) == 3
    traffic.stop()
    assert all(one.ended for one in runner.started)


def test_a_caller_without_pods_makes_no_calls():
    traffic, runner, cluster = running()
    cluster.delete(OUTSIDE)
    cluster.clock.settle(60)
    traffic.start([CALL], [])
    assert list(traffic.take()) == []
    assert runner.started == []


def test_programs_tell_what_they_said(tmp_path):
    programs = Programs()
    assert programs.has("sh")
    assert not programs.has("no-such-program")
    assert programs.run(["cat"], stdin="x") == "x"
    with pytest.raises(ClusterError) as caught:
        programs.run(["sh", "-c", "echo bad >&2; exit 3"])
    assert caught.value.detail == "bad"
    with pytest.raises(ClusterError, match="did not end"):
        programs.run(["sleep", "30"], seconds=0.05)
    lines = programs.start(["sh", "-c", "cat; sleep 60"], "one\ntwo\n")
    found = []
    while len(found) < 2:
        found += lines.read()
    assert found == ["one", "two"]
    assert not lines.ended
    lines.end()
    assert lines.ended


HELPER = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "die":
        sys.exit("words of the dead")
    print(json.dumps({"error": "no"} if asked["do"] == "fail" else {"asked": asked}), flush=True)
"""


def test_a_helper_answers_fails_and_dies_in_words(tmp_path):
    helper = Helper([sys.executable, "-c", HELPER], tmp_path)
    assert helper.ask("sum", 30, of=[1]) == {"asked": {"do": "sum", "of": [1]}}
    with pytest.raises(ClusterError, match="fail: it failed"):
        helper.ask("fail", 30)
    with pytest.raises(ClusterError) as caught:
        helper.ask("die", 30)
    assert caught.value.detail == "words of the dead"
    helper.end()


def test_a_control_plane_needs_a_checkout(tmp_path, monkeypatch):
    with pytest.raises(MigrateError, match="no checkout"):
        ControlPlane(str(tmp_path)).create("")
    monkeypatch.setenv("MIGRATE_CHECKOUT", str(tmp_path))
    with pytest.raises(MigrateError) as caught:
        ControlPlane().create("")
    assert str(tmp_path) in caught.value.detail


def test_folders_of_a_control_plane_say_whose_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name, whose in (("dead", ended()), ("mine", owner.mine())):
        (tmp_path / f"{PREFIX}{name}").mkdir()
        (tmp_path / f"{PREFIX}{name}" / "owner").write_text(whose)
    dead, mine = ControlPlane().leftovers()
    assert (dead.used, mine.used) == ("", f"the rehearsal of process {os.getpid()} uses it")
    ControlPlane().remove(dead.name)
    assert [one.name for one in ControlPlane().leftovers()] == [mine.name]


def test_one_that_runs_is_ended_before_its_folder_goes(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"{PREFIX}theirs"
    folder.mkdir()
    command = [sys.executable, "-c", OWNED, str(folder / "owner")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        (found,) = ControlPlane().leftovers()
        assert str(process.pid) in found.used
        ControlPlane().remove(found.name)
        assert process.wait() == -signal.SIGTERM
    assert not folder.exists()


OWNED = """
import pathlib, sys, time
from migrator.adapters.throwaway import owner
pathlib.Path(sys.argv[1]).write_text(owner.mine())
print("written", flush=True)
time.sleep(60)
"""


def ended() -> str:
    """What a process of this machine would have written that is no more: its id is another's now."""
    place, pid, birth = owner.mine().split("-")
    return f"{place}-{pid}-{'0' if birth[0] != '0' else '1'}{birth[1:]}"


@pytest.mark.parametrize(
    ("whose", "says"),
    [
        ("", "does not say"),
        ("4194304", "does not say"),
        (f"000000-{os.getpid()}-000000", "another machine"),
    ],
    ids=["nothing", "a number", "elsewhere"],
)
def test_what_nobody_can_tell_is_not_called_left_behind(whose, says):
    assert says in owner.used(whose)
    owner.end(whose)  # and nobody is ended for it


def test_a_process_that_has_ended_uses_nothing():
    place = owner.mine().split("-")[0]
    assert owner.used(f"{place}-4194304-000000") == ""  # the largest id is one less
    assert owner.used(ended()) == ""


def test_a_context_with_another_rehearsal_on_it_is_refused():
    refuse_occupied([], "c")
    with pytest.raises(MigrateError) as caught:
        refuse_occupied([Leftover("shop"), Leftover("desk", "somebody uses it")], "c")
    assert caught.value.detail == "shop: left behind\ndesk: somebody uses it"
    assert "--clean" in caught.value.hint


def test_of_a_context_only_its_own_namespaces_are_cleared(monkeypatch):
    default = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    default["metadata"]["labels"] = {"migrate/disposable": "true"}
    made = [default, space("shop", owner.mine()), space("desk", ended()), space("bank", "")]
    cluster = FakeCluster(made)
    context = Context(FakeRunner(), ("", "c"), Wishes())
    monkeypatch.setattr(context, "_cluster", lambda: cluster)
    assert [(one.name, bool(one.used)) for one in context.leftovers()] == [
        ("bank", True), ("desk", False), ("shop", True),
    ]  # fmt: skip
    context._clear()
    assert [one.name for one in context.leftovers()] == ["bank", "desk"]


def space(name, whose):
    labels = {"migrate/rehearsal": "true", "migrate/rehearsal-owner": whose}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }
