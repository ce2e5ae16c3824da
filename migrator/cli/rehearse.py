"""`migrate rehearse`: the whole migration on a throw-away cluster, with traffic, faults and a verdict."""

from typing import TYPE_CHECKING

import typer

from . import calling, common, executing, live
from . import rehearsal_options as options
from .rehearsal_options import FaultOption, ProviderOption

if TYPE_CHECKING:
    from migrator.rehearsal.providers import Provider


def rehearse(
    sources: options.Sources = None,
    provider: options.Provider = ProviderOption.KIND,
    fault: options.Faults = None,
    calls: calling.Calls = None,
    replicas: options.Replicas = 2,
    patience: options.Patience = 120,
    output: options.Output = options.Form.TEXT,
    keep: options.Keep = False,
    clean: options.Clean = False,
    force: options.Force = False,
    image: options.Image = "migrate/rehearsal:latest",
    node_image: options.NodeImage = "",
    load_image: options.Load = None,
    hub: options.Hub = "",
    tag: options.Tag = "",
    charts: options.Charts = "",
    gateway_api: options.GatewayApi = "",
    on: options.On = "",
    on_kubeconfig: options.OnKubeconfig = "",
    checkout: options.Checkout = "",
    istio_version: common.IstioVersion = "",
    context: live.Context = "",
    kubeconfig: live.Kubeconfig = "",
) -> None:
    """Try the whole migration on a throw-away cluster: traffic, faults put in on purpose, a verdict.

    Exit code 0 passed; 5 failed; 1 inconclusive, or there is no verdict; 3 the plan has blockers. Nothing
    but the throw-away cluster is ever changed.
    """
    from .rehearsal_world import Place, provider_of, tools

    if keep and provider is ProviderOption.CONTROLPLANE:
        message = "--keep: what controlplane starts ends with the command; `make cluster` keeps one"
        raise typer.BadParameter(message)
    if force and not clean:
        message = "--force: only with --clean"
        raise typer.BadParameter(message)
    load = tuple(load_image or ())
    found = provider_of(
        Place(
            provider.value, checkout, on, on_kubeconfig, node_image, load, image, hub, tag, charts,
            gateway_api,
        )
    )  # fmt: skip
    if clean:
        _clean(found, force=force)
        return
    from migrator.adapters.throwaway import owner
    from migrator.rehearsal.faults import Trouble
    from migrator.rehearsal.recreate import Wish
    from migrator.rehearsal.whole import Options
    from migrator.rehearsal.whole import rehearse as whole

    from . import rehearsing

    wanted = tuple(
        Trouble(one.value) for one in fault or FaultOption if one is not FaultOption.NONE
    )
    where = rehearsing.Where(context, kubeconfig, calls, istio_version)
    subject = rehearsing.subject(sources, where)
    watcher = executing.watcher(yes=True)
    how = Options(Wish(image, replicas, owner.mine()), wanted, patience, keep=keep)
    with rehearsing.interruptible():
        report = whole(subject, found, tools(watcher), how)
    rehearsing.show(report, output.value)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _clean(provider: "Provider", *, force: bool) -> None:
    left = provider.leftovers()
    if not left:
        common.narrate("no rehearsal left anything behind")
    for one in left:
        if one.used and not force:
            common.narrate(f"left alone {one.name}: {one.used}; with --force it is deleted too")
        else:
            provider.remove(one.name)
            common.narrate(f"deleted {one.name}")
