"""AWS cloud design patterns as Pulumi components."""
