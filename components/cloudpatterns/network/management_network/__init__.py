"""Management Network: ``component`` and its ``entrances``, its ``arguments``, and the ``checks`` over them."""
