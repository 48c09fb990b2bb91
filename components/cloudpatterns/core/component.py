"""The base class of every component."""

from typing import Any

import pulumi

from cloudpatterns.core.arguments import ArgumentError

# Pulumi's auto-naming adds a dash and seven random characters to the logical name.
_AUTO_NAME_SUFFIX = 8


def check_names(component: str, name: str, limits: dict[str, int]) -> None:
    """Refuses a component name with which an auto-named child would pass AWS's limit.

    ``limits`` maps the child's fixed suffix (``"lb"`` for the child ``f"{name}-lb"``) to the service's limit in characters.

    :raises ArgumentError: naming the child, its length and the longest name that fits.
    """
    for suffix, limit in limits.items():
        longest = limit - _AUTO_NAME_SUFFIX - len(suffix) - 1
        if len(name) > longest:
            reason = (
                f"the name has {len(name)} characters; its child {name}-{suffix} would pass the {limit} characters that AWS allows. "
                f"Give the component a name of at most {longest} characters."
            )
            raise ArgumentError(component, name, [("name", reason)])


class Component(pulumi.ComponentResource):
    """A component of this package: its type token is ``cloudpatterns:index:<Class>``."""

    def __init__(self, component: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"cloudpatterns:index:{component}", name, {}, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a child: this component is its parent, and nothing of the caller's options is merged in."""
        return pulumi.ResourceOptions(parent=self, **options)

    def register(self) -> None:
        """Registers every annotated output; the last line of a constructor.

        :raises TypeError: when the constructor forgot to assign one.
        """
        names = [name for name in type(self).__annotations__ if not name.startswith("_")]
        if missing := [name for name in names if name not in self.__dict__]:
            raise TypeError(f"{type(self).__name__} declares the outputs {', '.join(missing)} and does not set them")
        self.register_outputs({name: getattr(self, name) for name in names})
