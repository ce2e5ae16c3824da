"""The plan as Markdown, made for a pull request: what a reviewer asks first, then every step."""

from collections.abc import Iterator

from migrator.planner.file.alike import Alike
from migrator.planner.file.invariants import broken
from migrator.planner.file.yaml_text import block
from migrator.planner.plan import Acknowledgement, Plan, Wave
from migrator.steps import AnyStep, Check

from .exposed import exposed
from .markdown import code, fenced, in_html, prose
from .text import plural


def render(plan: Plan) -> str:
    """The whole report."""
    return "".join(parts(plan))


def parts(plan: Plan) -> Iterator[str]:
    """The report piece by piece: nobody needs to hold all of a large plan's."""
    last = ""
    for lines in _sections(plan):
        yield last
        last = "\n".join(lines) + "\n"
    yield last.rstrip() + "\n"


def _sections(plan: Plan) -> Iterator[list[str]]:
    yield ["# From sidecars to ambient: the plan", "", _head(plan), ""]
    yield [f"Snapshot {code(plan.header.snapshot)}", ""]
    yield _verdict(plan)
    yield _exposure(plan)
    yield _scope(plan)
    step = Alike(_step)
    for phase in plan.phases:
        yield [f"## Phase: {phase.name.value}", "", prose(phase.goal), ""]
        yield from (_wave(wave, step) for wave in phase.waves)


def _head(plan: Plan) -> str:
    header = plan.header
    assumed = " (assumed)" if header.istio_assumed else ""
    return (
        f"{prose(plan.tool)} · Istio {prose(header.istio)}{assumed} · "
        f"trust domain {code(header.trust_domain)} · "
        f"call graph: {header.calls}"
    )


def _verdict(plan: Plan) -> list[str]:
    unsound = broken(plan)
    refusals = (*plan.refusals(), *unsound)
    out = ["## May it be applied?", ""]
    if not refusals:
        out += ["Nothing stands against it." if plan.phases else "There is nothing to do.", ""]
    else:
        out += [f"Not yet: {plural(len(refusals), 'point')}.", ""]
        out += [f"- {prose(said)}" for said in unsound]
        out += [
            _acknowledgement(a)
            for a in (*plan.blockers, *plan.acknowledgements)
            if not a.acknowledged
        ]
        out += [""]
    accepted = [a for a in plan.acknowledgements if a.acknowledged]
    if accepted:
        out += ["Acknowledged:", "", *(_acknowledgement(a) for a in accepted), ""]
    if plan.assumptions:
        out += ["Assumed, not seen:", "", *(f"- {prose(said)}" for said in plan.assumptions), ""]
    return out


def _acknowledgement(one: Acknowledgement) -> str:
    return (
        f"- **{one.code}** {one.rule} ({one.severity.value}) "
        f"on {code(str(one.target))}: {prose(one.says)}"
    )


def _exposure(plan: Plan) -> list[str]:
    out = ["## What opens, what closes", "", "By the model, from manifests; not observed.", ""]
    for title, _, found in exposed(plan):
        said = [f"- {code(name)}: {prose(text)}" for name, text in found]
        out += [f"{title.capitalize()}:", "", *(said or ["- nothing"]), ""]
    return out


def _scope(plan: Plan) -> list[str]:
    out = [
        "## Who moves, who stays",
        "",
        "| namespace | mode | workloads | why |",
        "|---|---|---|---|",
    ]
    out += [
        f"| {code(s.namespace)} | {s.mode} | {prose(', '.join(s.workloads))} | {prose(s.why)} |"
        for s in plan.scope
    ]
    out += ["", "| stays behind | why | what would let it move |", "|---|---|---|"]
    out += [
        f"| {code(str(e.target))} | {prose(e.reason)} | {prose(e.fix)} |" for e in plan.exclusions
    ]
    if not plan.exclusions:
        out.append("| nothing | | |")
    if plan.waypoints:
        out += ["", "| waypoint | Services bound, and the findings that ask for it |", "|---|---|"]
        for w in plan.waypoints:
            services = ", ".join(
                f"{code(n)} ({prose(', '.join(c)) or 'behind a guard'})"
                for n, c in w.services.items()
            )
            out.append(f"| {code(f'{w.namespace}/{w.name}')} | {services} |")
    return [*out, ""]


def _wave(wave: Wave, step: Alike) -> list[str]:
    out = [f"### {prose(wave.name)}", "", prose(wave.goal), "", *map(step, wave.steps)]
    out += ["Gates:", "", *(f"- {gate.kind}: {prose(gate.says)}" for gate in wave.gates), ""]
    return out


def _step(step: AnyStep) -> str:
    codes = f" ({', '.join(step.rules)})" if step.rules else ""
    out = [
        "<details>",
        f"<summary>{_summary(step)}</summary>",
        "",
        f"{prose(step.why)}{codes}",
        "",
    ]
    if step.kind == "person":
        out += [f"To do: {prose(step.instruction)}", ""]
    change = step.change()
    if change:
        out += [*fenced(block(change).rstrip(), "yaml"), ""]
    out += [_check("Before", check) for check in step.before]
    out += [_check("After", check) for check in step.after]
    return "\n".join((*out, f"- Undo: {prose(step.undo())}", "", "</details>", ""))


def _summary(step: AnyStep) -> str:
    name, said = in_html(step.id), in_html(step.summary())
    return f"<code>{name}</code> {said} · disruption: {step.disruption.value}"


def _check(when: str, check: Check) -> str:
    about = f" on {code(str(check.about))}" if check.about else ""
    limit = f", within {check.timeout_seconds} s" if check.timeout_seconds else ""
    return f"- {when}: {check.predicate}{about}: {prose(check.says)}{limit}"
