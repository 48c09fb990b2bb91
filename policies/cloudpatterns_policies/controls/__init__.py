"""The controls: one module per concern. `cloudpatterns_policies.core.discover()` finds them by itself."""
