"""Who we are and where the cluster is: kubeconfig files, contexts, exec plugins and a pod's own account.

The `kubernetes` client does it as kubectl would; nothing else of it is used, and importing it costs 0.2 s.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from migrator.adapters.text import printable
from migrator.errors import ClusterError

_DEFAULT_FILE = "~/.kube/config"
_IN_CLUSTER = "in-cluster"
_ASK_SECONDS = 5  # the library renews tokens minutes before they expire
CONNECTIONS = 8  # kept open, and so as many requests as it makes sense to send side by side


class Login:
    """A context of the kubeconfig: its server, connections to it, and the user's credentials."""

    def __init__(self, configuration: Any, context: str, acting_as: str = "") -> None:
        from kubernetes.client import ApiClient

        configuration.connection_pool_maxsize = CONNECTIONS
        self.context = context
        self.server = str(configuration.host).rstrip("/")
        self.pool: urllib3.PoolManager = ApiClient(configuration).rest_client.pool_manager
        self._configuration = configuration
        self._credentials: dict[str, str] = {}
        self._asked_at = float("-inf")
        self._acting_as = {"Impersonate-User": acting_as} if acting_as else {}
        if not configuration.verify_ssl:  # asked for in the kubeconfig: no need to warn each time
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def credentials(self) -> dict[str, str]:
        """Headers for a request: tokens of plugins and service accounts are renewed here."""
        now = time.monotonic()
        if now - self._asked_at < _ASK_SECONDS:
            return self._credentials
        with _heard() as said:
            settings = self._configuration.auth_settings()
        if said:
            raise _no_login(self.context, said)
        headers = (one for one in settings.values() if one["in"] == "header" and one["value"])
        self._credentials = {one["key"]: one["value"] for one in headers} | self._acting_as
        self._asked_at = now
        return self._credentials


def log_in(kubeconfig: str, context: str) -> Login:
    """Raises ClusterError when there is no configuration, or its login fails."""
    from kubernetes.client import Configuration

    config = _library()

    files = kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT_FILE
    there = any(Path(one).expanduser().exists() for one in files.split(os.pathsep) if one)
    configuration = Configuration()
    with _heard() as said:
        try:
            if there or kubeconfig or context:
                name, user = _chosen(files, context) if there else _no_file(files)
                acting_as = _acting_as(files, user)
                config.load_kube_config(files, name, configuration)
            else:
                name, acting_as = _IN_CLUSTER, ""
                config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise _no_cluster(str(error), there=there) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ClusterError(
                "the kubeconfig cannot be read", detail=f"{files}: {error}"
            ) from error
    if said:
        raise _no_login(name, said)
    return Login(configuration, name, acting_as)


def _library() -> Any:
    from kubernetes import config

    return config


def _chosen(files: str, context: str) -> tuple[str, str]:
    """The context to use, which must exist, and its user."""
    import yaml

    config = _library()
    try:
        contexts, current = config.list_kube_config_contexts(files)
    except yaml.YAMLError as error:
        raise ClusterError("the kubeconfig is no YAML", detail=files) from error
    names = sorted(str(one["name"]) for one in contexts)
    if context and context not in names:
        raise ClusterError(
            f'context "{printable(context)}" does not exist',
            detail=f"{files} has: {printable(', '.join(names)) or 'none'}",
            hint="kubectl config get-contexts",
        )
    chosen = next((one for one in contexts if one["name"] == context), current)
    return str(chosen["name"]), str((chosen.get("context") or {}).get("user"))


def _acting_as(files: str, user: str) -> str:
    """`as` of the user: the client library does not know it, and would act with the user's own rights."""
    import yaml

    for file in filter(None, files.split(os.pathsep)):
        path = Path(file).expanduser()
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
        for one in (found or {}).get("users") or ():
            if one["name"] == user:
                settings = one.get("user") or {}
                unknown = sorted({"as-groups", "as-uid", "as-user-extra"} & settings.keys())
                if unknown:
                    raise ClusterError(
                        "the kubeconfig's user acts as another in a way that is not supported",
                        detail=f"{printable(user)}: {', '.join(unknown)}",
                        hint="of impersonation only `as` is: name a context of another user",
                    )
                return str(settings.get("as") or "")
    return ""


def _no_file(files: str) -> tuple[str, str]:
    raise ClusterError(
        "there is no kubeconfig", detail=files, hint="--kubeconfig names another file"
    )


def _no_cluster(said: str, *, there: bool) -> ClusterError:
    if there:
        return ClusterError(
            "the kubeconfig names no usable context", detail=printable(said),
            hint="kubectl config use-context NAME, or --context NAME",
        )  # fmt: skip
    return ClusterError(
        "no cluster is configured",
        detail=f"{_DEFAULT_FILE} does not exist, KUBECONFIG is not set, and this is no pod",
        hint="name SOURCE files, or --kubeconfig FILE",
    )


def _no_login(context: str, said: Sequence[str]) -> ClusterError:
    return ClusterError(
        f'the login of context "{printable(context)}" failed', detail="\n".join(said),
        hint="the command in the kubeconfig's `exec` section must succeed",
    )  # fmt: skip


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the client library logs as errors: it swallows a failed exec plugin and goes on without login."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(printable(record.getMessage()))

    ear, root = Ear(logging.ERROR), logging.getLogger()
    root.addHandler(ear)
    try:
        yield said
    finally:
        root.removeHandler(ear)
