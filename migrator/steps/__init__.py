"""Every kind of step: one reversible change to one target. The plan file's `kind` picks the class.

A step is data. What may go in here: one file a kind, which says what it changes, what that disrupts,
how one sees that it holds, and how it is undone. What may not: deciding when a step is needed.
"""

from typing import Annotated

from pydantic import Field

from .base import Check, Disruption, Step, Target
from .create_object import CreateObject
from .delete_object import DeleteObject
from .patch_template import PatchTemplate
from .person import Person
from .restart_workload import RestartWorkload
from .set_labels import SetLabels
from .update_spec import UpdateSpec
from .wait_for_jobs import WaitForJobs

AnyStep = Annotated[
    CreateObject
    | DeleteObject
    | PatchTemplate
    | Person
    | RestartWorkload
    | SetLabels
    | UpdateSpec
    | WaitForJobs,
    Field(discriminator="kind"),
]

__all__ = [
    "AnyStep",
    "Check",
    "CreateObject",
    "DeleteObject",
    "Disruption",
    "PatchTemplate",
    "Person",
    "RestartWorkload",
    "SetLabels",
    "Step",
    "Target",
    "UpdateSpec",
    "WaitForJobs",
]
