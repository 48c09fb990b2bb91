"""Starts the application: ``bin/start``."""

import logging
import sys

from storefront import log
from storefront.cache import Cache
from storefront.database import Database
from storefront.server import serve
from storefront.settings import SettingsError, load
from storefront.tokens import Tokens
from storefront.web import Application


def main() -> int:
    """Gives the exit code."""
    log.configure()
    try:
        settings = load()
        tokens = Tokens(settings.region)
        database = Database(settings.database, tokens, settings.connection_seconds)
    except SettingsError as error:
        logging.getLogger("storefront").error("cannot start: %s", error)
        return 1
    cache = Cache(settings.cache, tokens, settings.cache_seconds, settings.connection_seconds)
    serve(Application(database, cache, settings.health_check_path), settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
