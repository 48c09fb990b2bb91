"""Build agents on demand: projects of CodeBuild, or an Auto Scaling group that grows from zero with a queue."""
