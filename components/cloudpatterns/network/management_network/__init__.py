"""Management Network: its ``component``, and its ``arguments`` with the rules over them."""
