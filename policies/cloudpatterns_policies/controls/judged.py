"""What no control looks at: a stack without findings is only as safe as what was judged."""

from collections import Counter
from collections.abc import Iterator

from cloudpatterns_policies.core import Fail, NotApplicable, Severity, Stack, Verdict, stack_control


@stack_control(
    id="resource-types-judged",
    title="Each resource type of the stack is judged by a control",
    severity=Severity.LOW,
    why="A report without findings says nothing about resources that no control looks at: one of them may be open to everybody.",
    remediation="Review these resources by hand, or write controls for them.",
    url="https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html",
    last=True,
)
def resource_types_judged(stack: Stack) -> Iterator[Verdict]:
    """One failure that names the types. Controls that the profile disables look at nothing."""
    if not stack.asked:
        yield NotApplicable("no other control looks at the stack")
        return
    missed = Counter(
        _short(resource.type) for resource in stack.resources if resource.type.startswith("aws:") and resource.type not in stack.asked
    )
    if missed:
        types = ", ".join(f"{name} ({count})" for name, count in sorted(missed.items()))
        what = "1 resource type" if len(missed) == 1 else f"{len(missed)} resource types"
        yield Fail(f"has {what} that no control of the pack looks at: {types}")


def _short(token: str) -> str:
    """A type as programs write it: `aws:ec2/eip:Eip` is `ec2.Eip`."""
    module, _, name = token.removeprefix("aws:").partition(":")
    return f"{module.partition('/')[0]}.{name}"
