"""An expiry for a whole stack: a warning, then `pulumi destroy` from outside of it."""
