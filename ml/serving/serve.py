"""Running the service: one worker on uvicorn, until it is told to stop.

What does not belong here: addresses and answers (`app.py`).
"""

import gc

import uvicorn

from ml.serving.app import create_app
from ml.serving.broken_http import HttpProtocol
from ml.serving.config import ServingConfig

KEEP_ALIVE_SECONDS = 30
DRAIN_SECONDS = 10


def run(config: ServingConfig, host: str = "127.0.0.1", port: int = 8088) -> None:
    """Serve until interrupted. One worker: it owns the event store. uvloop and httptools are used where they
    are.

    Raises `ServingRefused` when the service must not start as it is configured.
    """
    uvicorn.run(
        create_app(config, settle),
        host=host,
        port=port,
        workers=1,
        http=HttpProtocol,
        log_level="info",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


def settle() -> None:
    """Take what was made at the start out of Python's collector of cycles: it stays for as long as the process.

    A full collection walks a quarter of a million objects while every call waits, and finds nothing in them.
    """
    gc.collect()
    gc.freeze()
