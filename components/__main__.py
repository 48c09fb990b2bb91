"""The plugin: serves the components to Pulumi programs in any language."""

from cloudpatterns.plugin import project_version, serve

if __name__ == "__main__":
    serve(project_version())
