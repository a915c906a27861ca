# SPDX-License-Identifier: BSD-3-Clause
"""strata import: every line of the file arrives, or is named."""

import os
import pathlib
import pty
import socket
import subprocess
import threading

import pytest

import servers


def run(server, *arguments, text=b"", environment=None):
    """The import of `text` through standard input, unless the arguments name a file."""
    command = [servers.strata_binary(), "import", "--port", str(server.port), *arguments]
    if not any(a == "-" or "/" in a for a in arguments):
        command.append("-")
    return subprocess.run(command, input=text, capture_output=True, timeout=60,
                          env={**os.environ, **(environment or {})})


@pytest.fixture
def empty(server):
    with server.client() as connection:
        connection.call("FLUSHALL")
        yield connection


def test_keys_and_values(server, empty):
    done = run(server, text=b"name Ada Lovelace\nempty \nyear 1815\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"3 rows stored, 0.0 MB in ")
    assert empty.call("MGET", "name", "empty", "year") == [b"Ada Lovelace", b"", b"1815"]


def test_line_ends(server, empty):
    assert run(server, text=b"a 1\r\nb 2\n\n\r\nc \r3\r\r\nd 4").returncode == 0
    assert empty.call("MGET", "a", "b", "c", "d") == [b"1", b"2", b"\r3\r", b"4"]
    assert empty.call("DBSIZE") == 4


def test_any_bytes(server, empty):
    value = bytes(b for b in range(256) if b not in b"\r\n")
    assert run(server, text=b"\x00key\x00 " + value + b"\n").returncode == 0
    assert empty.call("GET", b"\x00key\x00") == value


def test_lines_that_cannot_be_stored_are_named(server, empty):
    done = run(server, text=b"good 1\nnovalue\n\n nokey\nalso good\n")
    assert done.returncode == 1
    assert done.stderr == b"line 2: there is no value\nline 4: there is no key before the separator\n"
    assert b"2 rows stored" in done.stdout and b"2 lines not stored" in done.stdout
    assert empty.call("MGET", "good", "also") == [b"1", b"good"]


def test_a_file(server, empty, tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes(b"".join(b"key:%d value %d\n" % (i, i) for i in range(100000)))
    assert run(server, str(path)).returncode == 0
    assert empty.call("DBSIZE") == 100000
    assert empty.call("GET", "key:99999") == b"value 99999"


def test_later_lines_win(server, empty):
    text = b"".join(b"k %d\n" % i for i in range(50000))
    assert run(server, text=text).returncode == 0
    assert empty.call("GET", "k") == b"49999"


def test_ttl_and_db(server, empty):
    assert run(server, "--db", "3", "--ttl", "100", text=b"a 1\n").returncode == 0
    assert empty.call("EXISTS", "a") == 0
    empty.call("SELECT", 3)
    assert 0 < empty.call("TTL", "a") <= 100


@pytest.mark.parametrize("separator,line", [("\\t", b"a b\tc d"), ("=>", b"a b=>c d"), ("\\x00", b"a b\0c d"),
                                            ('"', b'a b"c d'), ("'", b"a b'c d"), ("\\\\", b"a b\\c d")])
def test_separators(server, empty, separator, line):
    assert run(server, "--separator", separator, text=line).returncode == 0
    assert empty.call("GET", "a b") == b"c d"


@pytest.mark.parametrize("arguments", [["--separator", ""], ["--separator", "\\n"], ["--port", "0"], ["--port", "x"],
                                       ["--ttl", "0"], ["--db", "-1"], ["--nosuch"], ["a", "b"], ["/nowhere/file"],
                                       ["/tmp/"], ["--db", "99999"]])
def test_what_cannot_begin(server, arguments):
    done = run(server, *arguments, text=b"a 1\n")
    assert done.returncode == 2
    assert done.stderr.startswith(b"strata: ") and done.stdout == b""


def test_errors_of_the_server_have_line_numbers():
    with servers.strata("--proto-max-bulk-len", "1mb") as server:
        text = b"small 1\nlong " + b"x" * (2 << 20) + b"\nsmall2 2\n"
        done = run(server, text=text)
        assert done.returncode == 1
        assert done.stderr == b"line 2: the line is too long\n"
        with server.client() as client:
            assert client.call("MGET", "small", "small2") == [b"1", b"2"]
            memory = client.call("INFO", "memory").decode()
            used = int(memory.split("used_memory:")[1].split()[0])
            client.call("CONFIG", "SET", "maxmemory", used + (5 << 20))

        done = run(server, text=b"".join(b"key:%d %s\n" % (i, b"x" * 1000) for i in range(20000)))
        assert done.returncode == 1
        assert b"OOM command not allowed" in done.stderr.splitlines()[0]
        assert done.stderr.splitlines()[-1] == b"Further lines that are not stored are counted only."
        with server.client() as client:
            stored = client.call("DBSIZE") - 2
        assert b"%d rows stored" % stored in done.stdout
        assert b"%d lines not stored" % (20000 - stored) in done.stdout


def test_passwords():
    with servers.strata("--requirepass", "secret word") as server:
        assert b"NOAUTH" in run(server, text=b"a 1").stderr
        assert b"WRONGPASS" in run(server, "--password", "no", text=b"a 1").stderr
        assert run(server, "--password", "secret word", text=b"a 1").returncode == 0
        assert run(server, "--user", "default", "--password", "secret word", text=b"a 1").returncode == 0
        assert run(server, text=b"a 1", environment={"STRATA_PASSWORD": "secret word"}).returncode == 0


def test_unix_sockets(tmp_path):
    path = str(tmp_path / "s")
    with servers.strata("--unixsocket", path) as server:
        assert run(server, "--socket", path, "-", text=b"a 1").returncode == 0
        with server.client() as client:
            assert client.call("GET", "a") == b"1"


def test_nobody_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        done = subprocess.run([servers.strata_binary(), "import", "--port", str(probe.getsockname()[1]), "-"],
                              input=b"", capture_output=True, timeout=60)
    assert done.returncode == 2
    assert b"cannot connect to 127.0.0.1" in done.stderr and b"Connection refused" in done.stderr


class FakeServer:
    """Answers what begins an import, then `replies` SETs, then hangs up."""

    def __init__(self, replies, ending=b""):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.replies, self.ending = replies, ending
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        connection, _ = self.listener.accept()
        connection.recv(65536)
        connection.sendall(b"+OK\r\n")
        connection.recv(65536)
        connection.sendall(b"*0\r\n")
        connection.recv(65536)
        connection.sendall(b"+OK\r\n" * self.replies + self.ending)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass
        connection.close()
        self.listener.close()


@pytest.mark.parametrize("ending", [b"", b":1\r\n", b"\r\n"])
def test_a_server_that_vanishes(ending):
    fake = FakeServer(5, ending)
    done = run(fake, text=b"".join(b"key:%d 1\n" % i for i in range(200000)))
    fake.thread.join()
    assert done.returncode == 2
    assert b"the connection is lost; the lines before line 6 are stored" in done.stderr
    assert done.stdout.startswith(b"5 rows stored")


def test_a_slow_pipe(server, empty):
    """What has come is stored, whether or not more will come."""
    command = [servers.strata_binary(), "import", "--port", str(server.port), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for i in range(3):
            process.stdin.write(b"key:%d va" % i)
            process.stdin.flush()
            process.stdin.write(b"lue\n")
            process.stdin.flush()
            while empty.call("DBSIZE") != i + 1:
                pass
        output, _ = process.communicate()
        assert process.returncode == 0 and output.startswith(b"3 rows stored")


def test_the_progress_on_a_terminal(server, empty, tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes(b"".join(b"key:%d value %d\n" % (i, i) for i in range(300000)))
    terminal, end = pty.openpty()
    command = [servers.strata_binary(), "import", "--port", str(server.port), str(path)]
    with subprocess.Popen(command, stderr=end, stdout=subprocess.DEVNULL) as process:
        os.close(end)
        drawn = b""
        while True:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:
                break
        assert process.wait() == 0
    os.close(terminal)
    assert b"rows/s" in drawn and b"%" in drawn and drawn.endswith(b"\r\x1b[K")


def test_help_and_version():
    binary = servers.strata_binary()
    for arguments, word in [(["--help"], "Usage: strata COMMAND"), (["help", "import"], "--separator"),
                            (["import", "--help"], "--separator"), (["serve", "--help"], "--maxmemory"),
                            (["help", "config"], "CONFIG SET"), (["help", "signals"], "SIGTERM"),
                            (["version"], "strata 0."), (["--version"], "strata 0.")]:
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0 and word in done.stdout and not done.stderr
    for arguments in [[], ["srve"], ["help", "nothing"]]:
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=10,
                              cwd=pathlib.Path(binary).parent)
        assert done.returncode == 2 and "Usage: strata COMMAND" in done.stderr and not done.stdout
