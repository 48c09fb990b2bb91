"""The controls of the pack ``acceptance``, one for each family of what AWS refuses."""
