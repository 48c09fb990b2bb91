"""What functions and servers import: one library a module, of the standard library alone, with AWS clients passed in."""

__version__ = "0.1.0"
