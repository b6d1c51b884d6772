"""What every kind of job has in common, and how arguments become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from engine.errors import BadInputError
from engine.queues import QueueSpec

_Kind = TypeVar("_Kind", bound="JobType")


class JobType(BaseModel):
    """Arguments of one kind of job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queue: ClassVar[str]
    job_name: ClassVar[str]

    def own_spec(self, spec: QueueSpec) -> QueueSpec:
        """What such a job gets where its options are silent: `spec`, its queue's, but for what the type knows better.

        However a job is added, `new_job` asks for it.
        """
        return spec


def checked(kind: type[_Kind], arguments: Mapping[str, Any]) -> _Kind:
    """A job of a kind with these arguments. Raises BadInputError where they are wrong."""
    try:
        return kind.model_validate(arguments)
    except ValidationError as error:
        raise wrong_arguments(kind, error) from error


def wrong_arguments(kind: type[JobType], error: ValidationError) -> BadInputError:
    """Pydantic's complaints about a job's arguments, in one line that names each."""
    faults = error.errors(include_url=False, include_context=False)
    told = "; ".join(f"{'.'.join(str(part) for part in fault['loc']) or 'all'}: {fault['msg']}" for fault in faults)
    known = ", ".join(kind.model_fields)
    return BadInputError(f"The arguments of {kind.job_name} are wrong: {told}.", f"It takes: {known}.")
