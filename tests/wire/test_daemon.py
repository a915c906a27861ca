# SPDX-License-Identifier: BSD-3-Clause
"""The life of the process: how it starts, what it says when it cannot, how it ends."""

import grp
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from ask import wait_until
import resp
import servers


@pytest.fixture(autouse=True)
def own_directory(tmp_path, monkeypatch):
    """Where servers that are told nothing else keep their data."""
    monkeypatch.chdir(tmp_path)


def strata(*arguments, text=b"", directory=None, environment=None):
    """Runs it to its end, which should come soon."""
    return subprocess.run([servers.strata_binary(), *map(str, arguments)], input=text, capture_output=True,
                          timeout=20, cwd=directory, env={**os.environ, **(environment or {})})


class Process(subprocess.Popen):
    """It does not outlive a test that failed."""

    def __exit__(self, *error):
        self.kill()
        return super().__exit__(*error)


def start(*arguments, **options):
    return Process([servers.strata_binary(), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                   **options)


def ping(port):
    for _ in range(500):
        try:
            with servers.Client(port, timeout=5) as client:
                return client.call("PING")
        except (OSError, resp.Failure):  # not there yet, or loading
            time.sleep(0.02)
    return None


# ---- ways to start ----


@pytest.mark.parametrize("form", ["serve", "arguments", "file", "file and arguments", "standard input"])
def test_ways_to_start(form, tmp_path):
    port = servers.free_port()
    (tmp_path / "my.conf").write_text(f"port {port}\ntimeout 1\n")
    arguments, text = {
        "serve": (["serve", "--port", port], None),
        "arguments": (["--port", port], None),
        "file": (["my.conf"], None),
        "file and arguments": (["serve", "my.conf", "--timeout", "5"], None),
        "standard input": (["serve", "my.conf", "--hz", "20", "-"], b"timeout 7\nhz 30\n"),
    }[form]
    with start(*arguments, cwd=tmp_path, stdin=subprocess.PIPE) as process:
        process.stdin.write(text or b"")
        process.stdin.close()
        assert ping(port) == "PONG"
        with servers.Client(port) as client:
            timeout = client.call("CONFIG", "GET", "timeout")[1]
            assert timeout == {"file": b"1", "file and arguments": b"5", "standard input": b"7"}.get(form, b"0")
            if form == "standard input":
                assert client.call("CONFIG", "GET", "hz")[1] == b"20"
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_included_files(tmp_path):
    port = servers.free_port()
    (tmp_path / "a.conf").write_text("include parts/*.conf\n")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/1.conf").write_text(f"port {port}\n")
    (tmp_path / "parts/2.conf").write_text('dir "' + str(tmp_path / "parts") + '"\n')
    with start(tmp_path / "a.conf", cwd="/") as process:
        assert ping(port) == "PONG"
        with servers.Client(port) as client:
            assert client.call("CONFIG", "GET", "dir")[1] == str(tmp_path / "parts").encode()
        process.terminate()


# ---- what is wrong is said ----


@pytest.mark.parametrize("text,message", [
    ("port x\n", "bad.conf:1: port x: argument couldn't be parsed into an integer"),
    ("\n\nmaxmemroy 1gb\n", "bad.conf:3: maxmemroy: no such directive; did you mean maxmemory?"),
    ("port 1 2\n", "bad.conf:1: port 1 2: wrong number of arguments"),
    ("include other.conf\n", "bad.conf:1: include other.conf: no such file"),
    ('requirepass "open\n', "bad.conf:1: a quote is not closed"),
    ("dir /nowhere/at/all\n", "bad.conf:1: dir /nowhere/at/all: No such file or directory"),
    ("rename-command NOTHING x\n", "rename-command NOTHING x: there is no such command"),
    ("port 0\n", "there is nowhere to listen"),
    ("logfile /nowhere/log\n", "cannot open the log file /nowhere/log: No such file or directory"),
    ("bind 192.0.2.1\n", "cannot listen on 192.0.2.1"),
    ("unixsocket /nowhere/socket\n", "cannot listen on the Unix socket /nowhere/socket"),
    ("client-output-buffer-limit normal 1 2\n", "client-output-buffer-limit"),
])
def test_what_is_wrong_is_said(text, message, tmp_path):
    port = servers.free_port()
    (tmp_path / "bad.conf").write_text(f"{text}" if "port" in text else f"{text}port {port}\n")
    done = strata("serve", "bad.conf", directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("strata: ") and message in done.stderr.decode()


def test_wrong_arguments():
    for arguments, message in [(["--prot", "1"], "--prot: no such directive; did you mean port?"),
                               (["serve", "--port"], "--port: wrong number of arguments"),
                               (["serve", "nowhere.conf"], "nowhere.conf: No such file or directory"),
                               (["serve", "--port", "1", "x"], "--port 1 x: wrong number of arguments")]:
        done = strata(*arguments)
        assert done.returncode == 1 and message in done.stderr.decode()


@pytest.mark.parametrize("page", ["serve", "import", "export", "check", "hotkeys"])
def test_help(page):
    for arguments in (["help", page], [page, "--help"], [page, "-h"]):
        done = strata(*arguments)
        assert done.returncode == 0 and done.stdout.startswith(b"Usage: strata " + page.encode())
        assert max(map(len, done.stdout.splitlines())) <= 92
    assert page.encode() in strata("help").stdout


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = strata("--port", port, "--bind", "127.0.0.1")
        assert done.returncode == 1
        assert f"cannot listen on 127.0.0.1, port {port}: Address already in use; stop" in done.stderr.decode()
        done = strata("--port", port, "--daemonize", "yes", "--bind", "127.0.0.1")
        assert done.returncode == 1 and b"Address already in use" in done.stderr


def test_too_few_files():
    """Root may raise its limits, so it gives up that right first."""
    prefix = ["setpriv", "--bounding-set", "-sys_resource", "--"] if os.geteuid() == 0 else []
    command = f"ulimit -n 20; exec {servers.strata_binary()} --port {servers.free_port()}"
    done = subprocess.run([*prefix, "bash", "-c", command], capture_output=True, timeout=20, check=False)
    assert done.returncode == 1 and b"limit of open files is 20" in done.stderr


# ---- the log ----


def test_the_log(tmp_path):
    port = servers.free_port()
    log = tmp_path / "log"
    with start("--port", port, "--logfile", "log", "--dir", tmp_path, "--activedefrag", "yes", "--save", "",
               "--activerehashing", "no") as process:
        assert ping(port) == "PONG"
        text = log.read_text()
        assert "Ready to accept connections" in text
        assert text.count("has no effect") == 1 and "activedefrag is accepted, but has no effect" in text
        log.rename(tmp_path / "old")
        with servers.Client(port) as client:
            client.call("CONFIG", "SET", "cluster-announce-ip", "10.0.0.1", "rdma-port", "99")
        assert "rdma-port is accepted" in log.read_text()
        process.terminate()
        output, _ = process.communicate()
        assert output == b"" and process.returncode == 0
        assert "Received SIGTERM, stopping" in log.read_text() and "Stopped" in log.read_text()


def test_secrets_stay_out_of_the_log():
    done = strata("--requirepass", "sesame", "--port", "x")
    assert b"sesame" not in done.stdout + done.stderr
    done = strata("--requirepass", "sesame", "sesame", "--port", "0")
    assert b"--requirepass: wrong number" in done.stderr and b"sesame" not in done.stdout + done.stderr


# ---- the end ----


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it(number):
    port = servers.free_port()
    with start("--port", port, "--workers", "3") as process:
        assert ping(port) == "PONG"
        with servers.Client(port) as client:
            client.call("SET", "a", "b")
            process.send_signal(number)
            assert process.wait(timeout=10) == 0
            assert client.input.read() == b""


def test_hangups_do_not_stop_it():
    port = servers.free_port()
    with start("--port", port) as process:
        assert ping(port) == "PONG"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGPIPE)
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGUSR2)
        assert ping(port) == "PONG"
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_shutdown_stops_it():
    port = servers.free_port()
    with start("--port", port) as process:
        assert ping(port) == "PONG"
        with servers.Client(port) as client:
            client.send("SHUTDOWN", "NOSAVE")
            assert client.input.read() == b""
        assert process.wait(timeout=10) == 0


# ---- the background, and systemd ----


def test_the_background(tmp_path):
    port = servers.free_port()
    done = strata("--port", port, "--daemonize", "yes", "--pidfile", "pid", "--logfile", "log", "--dir", tmp_path,
                  "--unixsocket", "socket")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert ping(port) == "PONG"
    pid = int((tmp_path / "pid").read_text())
    assert os.getsid(pid) != os.getsid(0)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: "Stopped" in (tmp_path / "log").read_text())
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
               ") Z " in pathlib.Path(f"/proc/{pid}/stat").read_text())
    assert not (tmp_path / "pid").exists() and not (tmp_path / "socket").exists()


def test_systemd_is_told(tmp_path):
    port = servers.free_port()
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(path)
        notifications.settimeout(10)
        with start("--port", port, "--supervised", "systemd", "--daemonize", "yes",
                   env={**os.environ, "NOTIFY_SOCKET": path}) as process:
            assert b"READY=1" in notifications.recv(1000)
            assert process.poll() is None and ping(port) == "PONG"
            process.terminate()
            assert notifications.recv(1000) == b"STOPPING=1"
            assert process.wait(timeout=10) == 0


def test_addresses():
    port = servers.free_port()
    with start("--port", port, "--bind", "127.0.0.1", "-::1", "-192.0.2.1") as process:
        assert ping(port) == "PONG"
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", port), timeout=1)
        process.terminate()
        assert process.wait(timeout=10) == 0


def title_of(process):
    return pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode()


def test_the_title_of_the_process():
    port = servers.free_port()
    with start("--port", port, "--bind", "127.0.0.1", "-::1", "--timeout", "77") as process:
        assert ping(port) == "PONG"
        assert title_of(process) == f"strata 127.0.0.1:{port}"
        with resp.Client(port) as client:
            assert client.call("CONFIG", "SET", "proc-title-template", "{title}! {port} {config-file}") == "OK"
            assert title_of(process) == f"strata! {port} -"
            assert client.error("CONFIG", "SET", "proc-title-template", "{title").endswith("unknown variables")
            assert client.call("CONFIG", "SET", "proc-title-template", "x" * 10000) == "OK"
            assert 10 < len(title_of(process)) < 10000
    with start("--port", port, "--set-proc-title", "no") as process:
        assert ping(port) == "PONG"
        assert f"--port\0{port}" in title_of(process)


@pytest.mark.parametrize("options, saved", [
    (["--save", "3600 1"], True), (["--save", ""], False),
    (["--save", "3600 1", "--shutdown-on-sigterm", "nosave"], False),
    (["--save", "", "--shutdown-on-sigterm", "save force"], True),
    (["--save", "", "--shutdown-on-sigint", "save"], False)])
def test_what_a_signal_saves(tmp_path, options, saved):
    port = servers.free_port()
    with start("--port", port, "--dir", tmp_path, "--home", "", *options) as process:
        assert ping(port) == "PONG"
        with resp.Client(port) as client:
            client.call("SET", "k", "v")
        process.terminate()
        assert process.wait(timeout=10) == 0
    assert (tmp_path / "dump.rdb").exists() == saved


def test_the_group_of_the_socket(tmp_path):
    port, path = servers.free_port(), tmp_path / "socket"
    done = strata("--port", port, "--unixsocket", path, "--unixsocketgroup", "nobody's own")
    assert done.returncode == 1 and b"nobody's own: there is no such group" in done.stderr
    group = grp.getgrnam("daemon") if os.geteuid() == 0 else grp.getgrgid(os.getgid())
    with start("--port", port, "--unixsocket", path, "--unixsocketgroup", group.gr_name,
               "--unixsocketperm", "770") as process:
        assert ping(port) == "PONG"
        info = path.stat()
        assert info.st_gid == group.gr_gid and info.st_mode & 0o777 == 0o770
        process.terminate()


def test_a_file_in_the_place_of_the_socket(tmp_path):
    (tmp_path / "socket").write_text("mine")
    done = strata("--port", 0, "--unixsocket", tmp_path / "socket")
    assert done.returncode == 1 and b"File exists; it is no socket" in done.stderr
    assert (tmp_path / "socket").read_text() == "mine"


def test_whom_the_kernel_ends_first():
    port = servers.free_port()
    with start("--port", port, "--oom-score-adj", "absolute", "--oom-score-adj-values", "500", "0", "0") as process:
        assert ping(port) == "PONG"
        score = pathlib.Path(f"/proc/{process.pid}/oom_score_adj")
        assert score.read_text() == "500\n"
        with resp.Client(port) as client:
            assert client.call("CONFIG", "SET", "oom-score-adj-values", "600 1 2") == "OK"
            assert score.read_text() == "600\n"
            for mode, shown in (("relative", b"yes"), ("yes", b"yes"), ("no", b"no")):
                assert client.call("CONFIG", "SET", "oom-score-adj", mode) == "OK"
                assert client.call("CONFIG", "GET", "oom-score-adj")[1] == shown
            assert score.read_text() == pathlib.Path("/proc/self/oom_score_adj").read_text()
