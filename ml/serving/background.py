"""The real service in a thread of this process, on a free port: for rehearsals and replays.

What does not belong here: the service that people rely on (`serve.py`), which has a process of its own.
"""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn

from ml.serving import ServingRefused
from ml.serving.app import create_app
from ml.serving.broken_http import HttpProtocol
from ml.serving.config import ServingConfig

START_SECONDS = 30.0
POLL_SECONDS = 0.01


@contextmanager
def running(config: ServingConfig) -> Generator[int]:
    """Run the service on 127.0.0.1 while the block lasts; gives its port. Raises `ServingRefused` if it won't start."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(create_app(config), http=HttpProtocol, log_level="warning", access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _await_start(server, thread)
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ServingRefused(f"The service did not start within {START_SECONDS:.0f} s; see its log above.")
        time.sleep(POLL_SECONDS)
