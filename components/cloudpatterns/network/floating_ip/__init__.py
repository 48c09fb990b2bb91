"""An address that moves between two instances: ``FloatingIp`` with the function that moves it."""
