"""Log lines: one JSON object each, on stdout, which the server's log agent ships to CloudWatch Logs."""

import json
import logging
import sys
from datetime import UTC, datetime


class _Lines(logging.Formatter):
    """Time, level and message, and what a caller gives as ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure() -> None:
    """Sends all that is logged, also by libraries, to stdout."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Notes where credentials were found, once a process.
    logging.getLogger("botocore").setLevel(logging.WARNING)


def reason(error: BaseException) -> str:
    """An error on one line: its type, and what it says."""
    return f"{type(error).__name__}: {error}"[:300]
