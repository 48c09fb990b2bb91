"""The four verdicts a control can give, and the severities that controls have."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """The severity of a failure. Ordered, so that `severity >= Severity.HIGH` works."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The name in lower case, as the Pulumi CLI prints it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Pass:
    """The control found no weakness."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The control found a weakness.

    `message` completes the sentence "<resource> ...": the weakness, without a full stop and without the remedy, which the control's
    metadata holds. `where` is the property path, rule or route that shows it; empty for the whole resource.
    """

    message: str
    where: str = ""

    def __post_init__(self) -> None:
        if not self.message.strip():
            raise ValueError("Fail needs a message that states the weakness")


@dataclass(frozen=True, slots=True)
class Unknown:
    """The control could not decide, because the value at `path` is known only after deployment."""

    path: str


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The control does not apply to this resource, for `reason`."""

    reason: str


Verdict = Pass | Fail | Unknown | NotApplicable


class UnknownValueError(Exception):
    """Raised when a value that is known only after deployment is read.

    `path` is its path in the resource's properties and `urn` the URN of the resource; both are empty when the value was used away
    from its resource. The runner turns the error into `Unknown(path)`.
    """

    def __init__(self, path: str = "", urn: str = "") -> None:
        super().__init__(f"the value at {path or 'an unknown place'} is known only after deployment")
        self.path = path
        self.urn = urn
