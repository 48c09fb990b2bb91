"""What all tests share."""

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about what it proves.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
