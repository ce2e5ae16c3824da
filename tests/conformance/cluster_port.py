"""What every `Cluster` must do: the one in memory, and the one over a real API server."""

import pytest

from migrator.errors import ClusterError, ConflictError, InvalidError, NotFoundError
from migrator.istio import kinds
from migrator.model.mergepatch import difference
from migrator.model.resource import GroupKind, Ref

from .world import World

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: shop, tier: front}, annotations: {note: kept}}
data: {one: "1", two: "2"}
"""
POLICY = """
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow}
spec:
  action: ALLOW
  selector: {matchLabels: {app: shop}}
  rules:
  - from: [{source: {namespaces: [web]}}]
  - from: [{source: {namespaces: [admin]}}]
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: still}
spec:
  replicas: 0
  selector: {matchLabels: {app: still}}
  template:
    metadata: {labels: {app: still}}
    spec: {containers: [{name: app, image: "registry.example.com/still:1"}]}
"""
LEASE = """
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: lock}
spec: {holderIdentity: me, leaseDurationSeconds: 60, renewTime: "2026-01-01T00:00:00.000000Z"}
"""
_LEASES = GroupKind("coordination.k8s.io", "Lease")


def labels(body):
    return body["metadata"].get("labels") or {}


def version(body):
    return body["metadata"]["resourceVersion"]


class ClusterPort:
    """Tests of the port; a subclass gives the fixture `world`."""

    @pytest.fixture
    def settings(self, world: World) -> Ref:
        world.make(CONFIG)
        return world.ref(kinds.CONFIG_MAP, "settings")

    @pytest.fixture
    def policy(self, world: World) -> Ref:
        world.make(POLICY)
        return world.ref(kinds.AUTHORIZATION_POLICY, "allow")

    # -- reading

    def test_what_is_not_there_is_none(self, world):
        assert world.cluster.get(world.ref(kinds.CONFIG_MAP, "nothing")) is None
        assert world.cluster.get(Ref(*kinds.CONFIG_MAP, "no-such-namespace", "nothing")) is None
        assert world.cluster.get(world.ref(kinds.KYVERNO_POLICY, "nothing")) is None
        assert list(world.cluster.list(kinds.KYVERNO_POLICY)) == []
        assert list(world.cluster.list(kinds.SERVICE, world.namespace)) == []

    def test_a_created_object_has_an_identity_and_is_read_as_it_was_answered(self, world):
        made = world.make(CONFIG)

        metadata = made["metadata"]
        assert all(metadata[key] for key in ("uid", "resourceVersion", "creationTimestamp"))
        assert "managedFields" not in metadata
        assert (made["kind"], made["data"]) == ("ConfigMap", {"one": "1", "two": "2"})
        assert world.cluster.get(world.ref(kinds.CONFIG_MAP, "settings")) == made

    def test_a_list_is_of_one_namespace_or_of_all_and_of_labels(self, world, settings):
        second = world.manifest(CONFIG)
        second["metadata"] |= {"name": "another", "labels": {"app": "shop", "tier": "back"}}
        world.cluster.create(second)

        def names(namespace, wanted):
            found = world.cluster.list(kinds.CONFIG_MAP, namespace, wanted)
            return [b["metadata"]["name"] for b in found if labels(b).get("app") == "shop"]

        assert names(world.namespace, None) == ["another", "settings"]
        assert {"another", "settings"} <= set(names("", None))
        assert names(world.namespace, {"app": "shop", "tier": "back"}) == ["another"]
        assert names(world.namespace, {"tier": "none"}) == []
        assert names("no-such-namespace", None) == []

    def test_listed_objects_are_whole_and_say_what_they_are(self, world, settings):
        listed = world.cluster.list(kinds.CONFIG_MAP, world.namespace, {"app": "shop"})

        assert list(listed) == [world.cluster.get(settings)]

    def test_a_kind_that_no_one_knows_is_not_there_and_cannot_be_written(self, world):
        kind = GroupKind("example.com", "Gadget")
        manifest = {
            "apiVersion": "example.com/v1",
            "kind": "Gadget",
            "metadata": {"name": "one", "namespace": world.namespace},
        }

        with pytest.raises(ClusterError):
            world.cluster.create(manifest)
        assert world.cluster.get(Ref(*kind, world.namespace, "one")) is None

    # -- creating

    def test_what_exists_is_not_created_again(self, world, settings):
        before = world.cluster.get(settings)

        for dry_run in (True, False):
            with pytest.raises(ConflictError):
                world.cluster.create(world.manifest(CONFIG), dry_run=dry_run)
        assert world.cluster.get(settings) == before

    def test_nothing_is_created_in_a_namespace_that_is_not_there(self, world):
        manifest = world.manifest(CONFIG)
        manifest["metadata"]["namespace"] = "no-such-namespace"

        for dry_run in (True, False):
            with pytest.raises(NotFoundError):
                world.cluster.create(manifest, dry_run=dry_run)

    def test_a_dry_run_of_a_create_stores_nothing(self, world):
        answer = world.cluster.create(world.manifest(CONFIG), dry_run=True)

        assert answer["data"] == {"one": "1", "two": "2"}
        assert world.cluster.get(world.ref(kinds.CONFIG_MAP, "settings")) is None

    @pytest.mark.parametrize(
        "bad",
        [{"metadata": {"labels": {"app": "not a value"}}}, {"metadata": {"labels": {"app": 5}}}],
    )
    def test_labels_that_are_none_are_refused_in_a_dry_run_too(self, world, settings, bad):
        before = world.cluster.get(settings)

        for dry_run in (True, False):
            with pytest.raises(InvalidError):
                world.cluster.patch(settings, bad, dry_run=dry_run)
        assert world.cluster.get(settings) == before

    # -- patching

    def test_a_patch_sets_what_it_names_and_null_removes(self, world, settings):
        patch = {"metadata": {"labels": {"tier": None, "new": "yes"}}, "data": {"one": None}}

        answer = world.cluster.patch(settings, patch)

        assert labels(answer) == {"app": "shop", "new": "yes"}
        assert answer["data"] == {"two": "2"}
        assert answer["metadata"]["annotations"] == {"note": "kept"}
        assert world.cluster.get(settings) == answer

    def test_the_last_label_can_go(self, world, settings):
        answer = world.cluster.patch(
            settings, {"metadata": {"labels": {"app": None, "tier": None}}}
        )

        assert labels(answer) == {}

    def test_lists_are_replaced_whole(self, world, policy):
        rules = [{"from": [{"source": {"namespaces": ["only"]}}]}]

        answer = world.cluster.patch(policy, {"spec": {"rules": rules, "selector": None}})

        assert answer["spec"] == {"action": "ALLOW", "rules": rules}

    def test_the_difference_of_two_bodies_makes_the_one_of_the_other(self, world, policy):
        live = world.cluster.get(policy)
        spec = {"rules": [{"to": [{"operation": {"ports": ["80"]}}]}], "action": "DENY"}

        answer = world.cluster.patch(policy, difference(live, {**live, "spec": spec}))
        back = world.cluster.patch(policy, difference(answer, {**answer, "spec": live["spec"]}))

        assert answer["spec"] == spec
        assert back["spec"] == live["spec"]

    def test_a_patch_that_changes_nothing_makes_no_new_version(self, world, settings):
        before = world.cluster.get(settings)

        same = world.cluster.patch(settings, {"data": {"one": "1", "three": None}})

        assert version(same) == version(before)
        assert version(world.cluster.patch(settings, {"data": {"one": "0"}})) != version(before)

    def test_a_patch_for_another_version_changes_nothing(self, world, settings):
        old = world.cluster.get(settings)
        world.other(settings, {"data": {"one": "theirs"}})

        patch = {"data": {"two": "mine"}, "metadata": {"labels": {"x": "y"}}}
        for dry_run in (True, False):
            with pytest.raises(ConflictError):
                world.cluster.patch(settings, patch, version=version(old), dry_run=dry_run)
        live = world.cluster.get(settings)
        assert live["data"] == {"one": "theirs", "two": "2"}

        answer = world.cluster.patch(settings, {"data": {"two": "mine"}}, version=version(live))
        assert answer["data"] == {"one": "theirs", "two": "mine"}

    def test_without_a_version_only_the_fields_of_the_patch_change(self, world, settings):
        world.other(settings, {"data": {"three": "theirs"}})

        answer = world.cluster.patch(settings, {"data": {"two": "mine"}})

        assert answer["data"] == {"one": "1", "two": "mine", "three": "theirs"}

    def test_what_is_not_there_is_not_patched(self, world):
        for dry_run in (True, False):
            with pytest.raises(NotFoundError):
                world.cluster.patch(
                    world.ref(kinds.CONFIG_MAP, "nothing"), {"data": {}}, dry_run=dry_run
                )

    def test_a_dry_run_of_a_patch_shows_what_would_be_and_stores_nothing(self, world, settings):
        before = world.cluster.get(settings)

        answer = world.cluster.patch(settings, {"data": {"one": "tried"}}, dry_run=True)

        assert answer["data"] == {"one": "tried", "two": "2"}
        assert world.cluster.get(settings) == before

    def test_a_generation_counts_specs_not_labels(self, world, policy):
        def generation(patch):
            return world.cluster.patch(policy, patch)["metadata"]["generation"]

        assert generation({"metadata": {"labels": {"a": "b"}}}) == 1
        assert generation({"spec": {"action": "DENY"}}) == 2
        assert generation({"spec": {"action": "DENY"}}) == 2

    def test_annotations_of_a_deployment_count_too(self, world):
        world.make(DEPLOYMENT)
        still = world.ref(kinds.DEPLOYMENT, "still")

        world.cluster.patch(still, {"metadata": {"annotations": {"note": "new"}}})

        assert world.cluster.get(still)["metadata"]["generation"] == 2

    def test_a_status_is_not_written_beside_the_spec(self, world, policy):
        status = {"conditions": [{"type": "Mine", "status": "True"}]}

        answer = world.cluster.patch(policy, {"status": status, "spec": {"action": "DENY"}})

        kinds_of = [one["type"] for one in (answer.get("status") or {}).get("conditions") or ()]
        assert "Mine" not in kinds_of
        assert answer["spec"]["action"] == "DENY"

    def test_a_selector_of_a_deployment_cannot_change(self, world):
        world.make(DEPLOYMENT)
        patch = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}

        with pytest.raises(InvalidError):
            world.cluster.patch(world.ref(kinds.DEPLOYMENT, "still"), patch)

    def test_a_namespace_keeps_the_label_of_its_name(self, world):
        name = "kubernetes.io/metadata.name"
        ref = Ref(*kinds.NAMESPACE, "", world.namespace)

        answer = world.cluster.patch(ref, {"metadata": {"labels": {name: None, "team": "a"}}})

        assert labels(answer)[name] == world.namespace
        assert labels(answer)["team"] == "a"

    def test_a_lease_is_taken_renewed_and_given_back(self, world):
        made = world.make(LEASE)
        ref = world.ref(_LEASES, "lock")

        taken = world.cluster.patch(ref, {"spec": {"holderIdentity": "you"}}, version=version(made))
        with pytest.raises(ConflictError):
            world.cluster.patch(ref, {"spec": {"holderIdentity": "me"}}, version=version(made))
        free = world.cluster.patch(ref, {"spec": {"holderIdentity": None}}, version=version(taken))

        assert taken["spec"]["holderIdentity"] == "you"
        assert "holderIdentity" not in free["spec"]

    def test_binary_data_of_a_config_map_comes_back_as_it_was(self, world, settings):
        world.cluster.patch(settings, {"binaryData": {"log.gz": "AAEC/w=="}})

        assert world.cluster.get(settings)["binaryData"] == {"log.gz": "AAEC/w=="}

    # -- deleting

    def test_what_is_deleted_is_gone_and_may_be_deleted_again(self, world, settings):
        world.cluster.delete(settings)

        assert world.cluster.get(settings) is None
        world.cluster.delete(settings)
        world.cluster.delete(settings, uid="00000000-0000-0000-0000-000000000000")

    def test_another_object_of_the_same_name_is_not_deleted(self, world, settings):
        old = world.cluster.get(settings)["metadata"]["uid"]
        world.cluster.delete(settings, uid=old)
        world.make(CONFIG)

        for dry_run in (True, False):
            with pytest.raises(ConflictError):
                world.cluster.delete(settings, uid=old, dry_run=dry_run)
        assert world.cluster.get(settings)["metadata"]["uid"] != old

    def test_a_dry_run_of_a_delete_deletes_nothing(self, world, settings):
        world.cluster.delete(settings, dry_run=True)

        assert world.cluster.get(settings) is not None

    def test_what_an_object_owned_goes_after_it(self, world, settings):
        owner = {
            "apiVersion": "v1", "kind": "ConfigMap", "name": "settings",
            "uid": world.cluster.get(settings)["metadata"]["uid"],
        }  # fmt: skip
        child = world.manifest(CONFIG)
        child["metadata"] |= {"name": "child", "ownerReferences": [owner]}
        world.cluster.create(child)

        world.cluster.delete(settings)

        assert world.eventually(
            lambda: world.cluster.get(world.ref(kinds.CONFIG_MAP, "child")) is None
        )

    def test_a_finalizer_holds_an_object_until_it_is_taken_away(self, world, settings):
        world.cluster.patch(settings, {"metadata": {"finalizers": ["example.com/held"]}})

        world.cluster.delete(settings)

        assert world.cluster.get(settings)["metadata"]["deletionTimestamp"]
        world.other(settings, {"metadata": {"finalizers": None}})
        assert world.cluster.get(settings) is None

    # -- permissions

    def test_who_may_do_everything_is_told_so(self, world):
        assert world.cluster.may("patch", kinds.DEPLOYMENT, world.namespace)
        assert world.cluster.may("create", kinds.GATEWAY, world.namespace)
        assert world.cluster.may("list", kinds.NODE)
