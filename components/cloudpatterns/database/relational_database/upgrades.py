"""Upgrades to another major version: what a preview refuses, with the way to do it.

Only the engine knows what a database ran before, and it tells a hook. One on update runs in a preview too, so it refuses before anything
is changed: AWS would refuse halfway, when the parameter group of the new family exists already.
"""

from collections.abc import Callable
from typing import Any

import pulumi

from cloudpatterns.database.relational_database.arguments import RelationalDatabaseArgs
from cloudpatterns.database.relational_database.engines import ENGINES

_ALLOW = "set allow_major_version_upgrade and apply_immediately to true for this update; the database is down while it is upgraded"


class Upgrades:
    """The hooks of a database, or of its replica in another region."""

    def __init__(self, checked: RelationalDatabaseArgs) -> None:
        self._checked, self._engine = checked, ENGINES[checked["engine"]]

    def of_database(self, child_name: str) -> pulumi.ResourceHookBinding:
        """Hooks of the instance or the cluster of this name."""

        def refuse(hook: pulumi.ResourceHookArgs) -> None:
            if versions := _major_change(self._engine.family, hook):
                self._refuse_database(child_name, *versions)

        return _binding(child_name, refuse)

    def of_replica(self, child_name: str) -> pulumi.ResourceHookBinding:
        """Hooks of the replica of this name."""

        def refuse(hook: pulumi.ResourceHookArgs) -> None:
            versions, wanted = _major_change(self._engine.family, hook), self._checked["engine_version"]
            if versions and self._engine.family(versions[1]) == self._engine.family(wanted):
                raise _error(
                    child_name,
                    *versions,
                    f"the replica is upgraded before the database. Keep engine_version {versions[0]!r} in this update, and raise it in the "
                    "next one",
                )

        return _binding(child_name, refuse)

    def _refuse_database(self, child_name: str, old: str, new: str) -> None:
        checked, replica = self._checked, self._checked.get("replica")
        if not checked["allow_major_version_upgrade"]:
            raise _error(child_name, old, new, _ALLOW)
        if replica is None:
            return
        if not self._engine.mysql:
            way = "RDS upgrades no replica in another region with it. Remove replica in one update, upgrade in the next, and add it again"
            raise _error(child_name, old, new, way)
        version = replica.get("engine_version")
        if version is None or self._engine.family(version) != self._engine.family(new):
            way = f"the replica is upgraded first. Set replica.engine_version to {new!r} and keep engine_version {old!r} in this update"
            raise _error(child_name, old, new, way)


def refuse_unasked(child_name: str, family: Callable[[str], str], *, allowed: bool) -> pulumi.ResourceHookBinding:
    """Hooks of a cluster without replicas: they refuse another ``family`` of the version unless it is ``allowed``."""

    def refuse(hook: pulumi.ResourceHookArgs) -> None:
        if (versions := _major_change(family, hook)) and not allowed:
            raise _error(child_name, *versions, _ALLOW)

    return _binding(child_name, refuse)


def _binding(child_name: str, refuse: Any) -> pulumi.ResourceHookBinding:
    hook = pulumi.ResourceHook(f"{child_name}-upgrade", refuse, pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_update=[hook])


def _major_change(family: Callable[[str], str], hook: pulumi.ResourceHookArgs) -> tuple[str, str] | None:
    """The old and the new version where their major versions differ."""
    old, new = ((inputs or {}).get("engineVersion") for inputs in (hook.old_inputs, hook.new_inputs))
    if not isinstance(old, str) or not isinstance(new, str) or family(old) == family(new):
        return None
    return old, new


def _error(child_name: str, old: str, new: str, way: str) -> Exception:
    return ValueError(f"{child_name} would be upgraded from version {old} to {new}, another major version: {way}.")
