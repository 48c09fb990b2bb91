"""An API from a table of routes: its ``component``, its ``arguments`` with the ``rules`` over them, and what each kind is made from."""
