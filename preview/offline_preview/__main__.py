"""``python -m offline_preview`` is the command ``offline-preview``."""

from offline_preview.cli import entry_point

if __name__ == "__main__":
    entry_point()
