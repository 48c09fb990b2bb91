"""An API from a table of routes."""
