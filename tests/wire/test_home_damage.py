# SPDX-License-Identifier: BSD-3-Clause
"""Damage to a home, as users and disks do it: the server says what is wrong, where, and what to do, and nothing that is
damaged is loaded."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
import servers

NOBODY = 65534


def serve(directory, home="dir:./home", user=None):
    """What a server says that is to refuse to start."""
    command = [servers.strata_binary(), "serve", "--port", "0", "--unixsocket", "./s.sock", "--home", home]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=20, check=False, user=user)
    assert result.returncode == 1, result.stdout
    return result.stderr


def check(directory, *options, home="dir:./home"):
    command = [servers.strata_binary(), "check", home, *options]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=20, check=False)


def fill(server, name):
    with server.client() as client:
        for i in range(60):
            client.call("SET", f"{name}:{i}", "v" * 30)


@pytest.fixture(scope="module")
def made():
    """A home with a snapshot up to change 120 and a segment of 60 changes after it, which nobody uses."""
    with servers.strata("--home", "dir:./home", "--durability", "always") as server:
        for name in "abc":
            fill(server, name)
            if name == "b":
                with server.client() as client:
                    client.call("SAVE")
            server.kill()
            if name != "c":
                server.start()
        yield pathlib.Path(server.directory)


@pytest.fixture
def home(made, tmp_path):
    shutil.copytree(made / "home", tmp_path / "home")
    return tmp_path / "home"


def segments(home):
    return sorted((home / "journal").glob("*.log"))


def snapshot(home):
    return next((home / "snapshot").glob("*.rdb"))


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def swap(home):
    one, other = segments(home)[-2:]
    contents = one.read_bytes(), other.read_bytes()
    one.write_bytes(contents[1])
    other.write_bytes(contents[0])


def make_file(path):
    shutil.rmtree(path)
    path.write_bytes(b"x")


def make_folder(path):
    path.unlink()
    path.mkdir()


LAST = "journal/00000000000000000121.log"
SNAPSHOT = "snapshot/00000000000000000120.rdb"
REPAIRABLE = {
    "all empty": (lambda home: [path.write_bytes(b"") for path in segments(home)], f"{LAST} is damaged at offset 0", 120),
    "empty": (lambda home: segments(home)[-1].write_bytes(b""), f"{LAST} is damaged at offset 0", 120),
    "head cut": (lambda home: os.truncate(segments(home)[-1], 30), f"{LAST} is damaged at offset 0", 120),
    "head flipped": (lambda home: flip(segments(home)[-1], 20), "the checksum of its head is wrong", 120),
    "flipped": (lambda home: flip(segments(home)[-1], 400), f"{LAST} is damaged at offset", 123),
    "swapped": (swap, "it was renamed", 120),
    "gone": (lambda home: segments(home)[-1].unlink(), f"there is no {LAST}", 120),
    "newest empty": (lambda home: (home / "journal/newest").write_bytes(b""), "journal/newest is damaged at offset 0", 180),
    "newest strange": (lambda home: (home / "journal/newest").write_bytes(b"?" * 500), "it names no segment", 180),
}


@pytest.mark.parametrize("damage", REPAIRABLE)
def test_damage_to_the_journal_is_told_and_can_be_repaired(home, damage):
    spoil, message, left = REPAIRABLE[damage]
    spoil(home)
    told = serve(home.parent)
    assert message in told
    assert "'strata check dir:./home --repair' saves it" in told
    assert check(home.parent).returncode == 1
    repaired = check(home.parent, "--repair")
    assert repaired.returncode == 0, repaired.stdout
    assert f"keeps all up to change {left}" not in repaired.stdout and f"up to change {left}\n" in repaired.stdout
    assert check(home.parent).returncode == 0
    with servers.strata("--home", f"dir:{home}") as server, server.client() as client:
        assert client.call("DBSIZE") == left


def rename_snapshot(home, name):
    snapshot(home).rename(home / "snapshot" / name)


SNAPSHOTS = {
    "cut": (lambda home: os.truncate(snapshot(home), 1000), f"{SNAPSHOT} in dir:./home: the file ends too early, at offset"),
    "empty": (lambda home: os.truncate(snapshot(home), 0), f"{SNAPSHOT} in dir:./home: the file ends too early, at offset 0"),
    "flipped": (lambda home: flip(snapshot(home), 900), f"{SNAPSHOT} in dir:./home:"),
    "renumbered": (lambda home: rename_snapshot(home, f"{5:020}.rdb"), "it was renamed"),
}


@pytest.mark.parametrize("damage", SNAPSHOTS)
def test_a_damaged_snapshot_is_told(home, damage):
    spoil, message = SNAPSHOTS[damage]
    spoil(home)
    told = serve(home.parent)
    assert message in told
    assert "'strata import --skip-corrupt'" in told
    assert check(home.parent).returncode == 1


def test_a_missing_snapshot_is_missed(home):
    snapshot(home).unlink()
    assert "there is no journal/00000000000000000001.log" in serve(home.parent)


OBSTACLES = {
    "journal": (lambda home: make_file(home / "journal"), "journal/ in dir:./home cannot be read: Not a directory"),
    "snapshot": (lambda home: make_file(home / "snapshot"), "snapshot/ in dir:./home cannot be listed: Not a directory"),
    "tmp": (lambda home: make_file(home / "tmp"), "home/tmp cannot be written: Not a directory"),
    "home": (make_file, "./home: Not a directory"),
    "LOCK": (lambda home: make_folder(home / "LOCK"), "home/LOCK: Is a directory"),
    "segment": (lambda home: make_folder(segments(home)[-1]), f"{LAST} cannot be read: Is a directory"),
    "newest": (lambda home: make_folder(home / "journal/newest"), "journal/newest in dir:./home cannot be read: Is a direct"),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_what_cannot_be_read_is_told_and_not_repaired(home, obstacle):
    spoil, message = OBSTACLES[obstacle]
    spoil(home)
    told = serve(home.parent)
    assert message in told
    assert "--repair" not in told


def test_files_of_others_are_left_alone(home):
    for name in ("journal/notes.txt", "snapshot/zz.rdb", "snapshot/zz.txt"):
        (home / name).write_bytes(b"x")
    with servers.strata("--home", f"dir:{home}") as server, server.client() as client:
        assert client.call("DBSIZE") == 180
        client.call("SAVE")
    assert (home / "snapshot/zz.rdb").exists() and (home / "journal/notes.txt").exists()


def test_a_deleted_journal_is_warned_of(home):
    shutil.rmtree(home / "journal")
    with servers.strata("--home", f"dir:{home}") as server, server.client() as client:
        assert client.call("DBSIZE") == 120
        assert "no journal after it" in server.log_text()


def test_check_takes_the_path_of_a_home(home):
    assert "up to change 180" in check(home.parent, home="./home").stdout
    assert check(home.parent, "--repair", home="./home").returncode == 0
    refused = check(home.parent, "--repair", home="./home/LOCK")
    assert refused.returncode == 2 and "is no home" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_a_home_of_somebody_else(home, tmp_path):
    program = pathlib.Path(servers.strata_binary()).resolve()
    if not all(path.stat().st_mode & 0o001 for path in (program, *program.parents)):
        pytest.skip("the program is where nobody else may go, such as /root")
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o001 == 0:
            path.chmod(path.stat().st_mode | 0o111)
    tmp_path.chmod(0o777)
    assert "Permission denied" in serve(tmp_path, user=NOBODY)
    (home / "LOCK").chmod(0o666)
    assert "cannot be written: Permission denied" in serve(tmp_path, user=NOBODY)


def test_a_home_that_is_deleted_while_it_is_used():
    with servers.strata("--home", "dir:./home", "--durability", "always") as server, server.client() as client:
        client.call("SET", "k", "before")
        shutil.rmtree(pathlib.Path(server.directory, "home"))
        client.send("SET", "k", "after")  # is never acknowledged
        with server.client() as other:
            deadline = time.monotonic() + 10
            while not other.raw("PING").startswith(b"-MISCONF"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert "No such file or directory" in other.error("SET", "other", "v")
        client.socket.settimeout(0.3)
        with pytest.raises(OSError):
            client.read_raw()


def test_a_small_home_is_there_before_anybody_is_answered(home):
    with servers.strata("--home", f"dir:{home}") as server:
        server.stop()
        command = [*server.command, "--port", str(server.port), *map(str, server.arguments)]

        def first_reply_of_a_start():
            with subprocess.Popen(command, cwd=server.directory, stdout=subprocess.DEVNULL) as process:
                try:
                    return first_reply(server.port, b"DBSIZE\r\n")
                finally:
                    process.terminate()

        # Clients are patient for half a second, which a busy machine may take from the server.
        assert b":180\r\n" in (first_reply_of_a_start() for _ in range(3))


def first_reply(port, request):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)
                return connection.recv(100)
        except ConnectionRefusedError:
            pass
    raise TimeoutError
