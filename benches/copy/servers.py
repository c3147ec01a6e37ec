"""The servers that are copied from and to, each in a folder of its own."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

KEY, SECRET = "AKBENCH", "SKBENCH12345"

NGINX = """
{user}
worker_processes 2;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000;
    default_type application/octet-stream;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        autoindex on;
    }}
}}
"""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running(command: list[str], folder: Path, url: str) -> Iterator[None]:
    """The server while it is needed, from when it answers; what it says goes to `folder/log`."""
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        begun = time.monotonic()
        while not answers(url):
            if server.poll() is not None or time.monotonic() - begun > 60:
                raise SystemExit(f"{command[0]} doesn't answer at {url}: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def nginx(program: str, root: Path, folder: Path) -> Iterator[str]:
    """A web server of the files below `root`; gives its address."""
    folder.mkdir()
    port = free_ports(1)[0]
    # Its workers are somebody else's where root starts it, who couldn't enter the temporary folder.
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(user=user, folder=folder, port=port, root=root))
    url = f"http://127.0.0.1:{port}"
    with running([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)], folder, url):
        yield url


@contextlib.contextmanager
def seaweed(program: str, folder: Path) -> Iterator[str]:
    """An empty S3 service; gives its address. Buckets come into being as they are written to."""
    data = folder / "data"
    data.mkdir(parents=True)
    identity = {
        "name": "bench",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    names = [f"{s}.port{g}" for s in ("s3", "master", "volume", "filer") for g in ("", ".grpc")]
    ports = free_ports(len(names))
    command = [
        program,
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
        f"-dir={data}",
        f"-s3.config={config}",
    ]
    command += ["-master.volumeSizeLimitMB=1024", "-volume.max=40"]
    # Two catalog services that nobody here asks, on ports that another SeaweedFS may have.
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    url = f"http://127.0.0.1:{ports[0]}"
    with running(command, folder, f"{url}/status"):
        yield url
