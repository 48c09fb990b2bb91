"""Network patterns."""
