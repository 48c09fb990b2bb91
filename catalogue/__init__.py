"""The catalogue of the patterns, `docs/catalogue/`: an index by problem, and a page with a picture for each.

`python -m catalogue` writes it.
"""
