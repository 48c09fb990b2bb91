"""Identity and secrets: who may do what, and where secrets live."""

from cloudpatterns.security.workload_role import (
    WorkloadAssumeArgs,
    WorkloadRole,
    WorkloadRoleArgs,
    WorkloadStatementArgs,
    session_manager_statements,
)

__all__ = ["WorkloadAssumeArgs", "WorkloadRole", "WorkloadRoleArgs", "WorkloadStatementArgs", "session_manager_statements"]
