"""The sample application on this machine, with the servers of its tests: ``python -m tests.examples.local``, and Ctrl-C ends it.

It runs the artifact that ``make app`` wrote. Its database is PostgreSQL, else MariaDB, and is empty each time.
"""

import os
import subprocess
import sys
from contextlib import ExitStack, suppress

from tests.examples import servers
from tests.examples.iam import Iam, metadata_service
from tests.examples.logins import cache_front
from tests.program import ROOT

PORT = "8080"


def main() -> None:
    """Serves until Ctrl-C."""
    artifact, programs, program = ROOT / "dist" / "storefront-app.tar.gz", servers.postgres_programs(), servers.cache_program()
    if not artifact.exists():
        sys.exit("There is no artifact yet: make app")
    if program is None or (programs is None and servers.mariadb_missing()):
        sys.exit("PostgreSQL or MariaDB, and Valkey or Redis, are needed: .ci/install-servers installs them where it can.")
    with ExitStack() as stack:
        folder = stack.enter_context(servers.fast_folder())
        for name in ("database", "cache", "release"):
            (folder / name).mkdir()
        certificate = servers.certificate(folder)
        database = stack.enter_context(
            servers.postgres(programs, folder / "database", certificate) if programs else servers.mariadb(folder / "database", certificate)
        )
        _, upstream = stack.enter_context(servers.cache(program, folder / "cache"))
        cache_port = stack.enter_context(cache_front(Iam(), servers.CACHE, upstream, certificate.server))
        profile = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{stack.enter_context(metadata_service())}"}
        subprocess.run(["tar", "--extract", "--gzip", "--file", artifact, "--directory", folder / "release"], check=True)
        values = {**servers.environment(**servers.surroundings(database, certificate, cache_port)), **profile, "PORT": PORT}
        print(f"http://127.0.0.1:{PORT}/", flush=True)
        with suppress(KeyboardInterrupt):
            subprocess.run([folder / "release" / "bin" / "start"], env={**values, "PATH": os.environ["PATH"]}, check=False)


if __name__ == "__main__":
    main()
