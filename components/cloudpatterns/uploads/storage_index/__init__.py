"""An index of a bucket's objects, see ``component``."""
