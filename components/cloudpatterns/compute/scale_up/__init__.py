"""Scale-Up: a server whose type changes, by hand or on schedule."""
