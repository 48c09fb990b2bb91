"""The components as a Pulumi plugin: the host that makes them for programs in other languages, and the schema it is known by."""

from cloudpatterns.plugin.host import ComponentHost, serve
from cloudpatterns.plugin.schema import components, package_schema, project_version

__all__ = ["ComponentHost", "components", "package_schema", "project_version", "serve"]
