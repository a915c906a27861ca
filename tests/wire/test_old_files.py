# SPDX-License-Identifier: BSD-3-Clause
"""RDB files of every version, made byte by byte: each is loaded, shows what Valkey or Redis shows, and is whole for
`strata check`."""

import pathlib
import shutil
import struct
import subprocess

import pytest

import servers

peer = servers.peer
pytestmark = pytest.mark.skipif(not peer.is_installed(), reason="Valkey and Redis are not installed")
LATE = 4102444800  # seconds: the year 2100


# ---- the words of the format ----

def length(n):
    return bytes([n]) if n < 64 else bytes([0x40 | n >> 8, n & 255]) if n < 16384 else b"\x80" + struct.pack(">I", n)


def string(text):
    return length(len(text)) + text


COMPRESSED = b"\xc3\x05\x14\x00a\xe0\x0a\x00"  # 20 times "a"


def ziplist_entry(value, previous):
    if isinstance(value, int):
        body = (bytes([0xf1 + value]) if 0 <= value <= 12 else b"\xfe" + struct.pack("<b", value) if -128 <= value < 128 else
                b"\xc0" + struct.pack("<h", value) if -2**15 <= value < 2**15 else
                b"\xf0" + struct.pack("<i", value)[:3] if -2**23 <= value < 2**23 else
                b"\xd0" + struct.pack("<i", value) if -2**31 <= value < 2**31 else b"\xe0" + struct.pack("<q", value))
    else:
        head = bytes([len(value)]) if len(value) < 64 else struct.pack(">H", 0x4000 | len(value))
        body = head + value
    return (bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)) + body


def ziplist(*values):
    entries = [b""]
    for value in values:
        entries.append(ziplist_entry(value, len(entries[-1])))
    content = b"".join(entries)
    tail = 10 + len(content) - len(entries[-1])
    return string(struct.pack("<IIH", 11 + len(content), tail, len(values)) + content + b"\xff")


def zipmap(*pairs):
    parts = b"".join(bytes([len(name)]) + name + bytes([len(value), 1]) + value + b"\0" for name, value in pairs)
    return string(bytes([len(pairs)]) + parts + b"\xff")


def intset(size, *numbers):
    return string(struct.pack("<II", size, len(numbers)) + b"".join(n.to_bytes(size, "little", signed=True) for n in numbers))


def listpack_entry(value):
    if isinstance(value, int):
        body = (bytes([value]) if 0 <= value < 128 else struct.pack(">H", 0xc000 | value & 0x1fff) if -4096 <= value < 4096 else
                b"\xf4" + struct.pack("<q", value))
    else:
        body = bytes([0x80 | len(value)]) + value if len(value) < 64 else struct.pack(">H", 0xe000 | len(value)) + value
    back = bytes([len(body)]) if len(body) < 128 else bytes([len(body) >> 7, len(body) & 127 | 128])
    return body + back


def listpack(*values):
    content = b"".join(map(listpack_entry, values))
    return string(struct.pack("<IH", 7 + len(content), len(values)) + content + b"\xff")


def stream_id(ms, seq):
    return struct.pack(">QQ", ms, seq)


def stream(version):
    """Two entries in one node; a group whose consumer has the first of them."""
    node = listpack(2, 0, 1, b"field", 0, 2, 0, 0, b"one", 4, 2, 5, 1, b"two", 4)
    body = length(1) + string(stream_id(100, 0)) + node + length(2) + length(105) + length(1)
    if version >= 10:
        body += length(100) + length(0) + length(7) + length(3) + length(9)  # first, deleted, added
    body += length(1) + string(b"group") + length(100) + length(0)
    if version >= 10:
        body += length(1)
    pending = stream_id(100, 0)
    body += length(1) + pending + struct.pack("<Q", 1700000000000) + length(3)
    body += length(1) + string(b"consumer") + struct.pack("<Q", 1700000000001)
    if version >= 11:
        body += struct.pack("<Q", 1700000000002)
    return bytes([15 if version < 10 else 19 if version < 11 else 21]), body + length(1) + pending


def doubles(*pairs):
    return length(len(pairs)) + b"".join(string(member) + struct.pack("<d", score) for member, score in pairs)


def texts(*pairs):
    """Scores as they were before version 8."""
    special = {"nan": b"\xfd", "inf": b"\xfe", "-inf": b"\xff"}
    return length(len(pairs)) + b"".join(string(member) + special.get(score, string(score.encode())) for member, score in pairs)


def values(version):
    """name: (type, body), as servers of this version wrote them."""
    long = b"long " * 60
    number_list = [0, 12, -1, 127, -3000, 70000, -9000000, 2**31 - 1, 2**40, b"text", long]
    found = {b"text": (b"\0", string(b"value")), b"byte": (b"\0", b"\xc0\x85"), b"short": (b"\0", b"\xc1\x39\x30"),
             b"integer": (b"\0", b"\xc2\xff\xff\xff\x7f"), b"compressed": (b"\0", COMPRESSED),
             b"set": (b"\2", length(3) + string(b"a") + b"\xc0\x05" + string(long)),
             b"hash": (b"\4", length(2) + string(b"f") + string(b"v") + b"\xc0\x07" + COMPRESSED)}
    if version < 7:
        found[b"list"] = b"\1", length(3) + string(b"a") + b"\xc0\x05" + string(long)
    if version < 8:
        found[b"zset"] = b"\3", texts((b"a", "1.5"), (b"b", "-inf"), (b"c", "inf"), (b"d", "-17"))
    if version == 2 or version == 3:
        found[b"zipmap"] = b"\x09", zipmap((b"f", b"v"), (b"g", b""), (b"h", b"long" * 30))
    if version >= 2:
        found.update({b"intset16": (b"\x0b", intset(2, -5, 0, 300)), b"intset32": (b"\x0b", intset(4, -5, 70000)),
                      b"intset64": (b"\x0b", intset(8, -2**40, 7))})
    if 2 <= version < 10:
        found.update({b"ziplist zset": (b"\x0c", ziplist(b"a", -2, b"b", b"1.25", b"c", 70000)),
                      b"long ziplist": (b"\x0d", ziplist(*[x for i in range(300) for x in (b"field %d" % i, i * i)]))})
        found[b"ziplist"] = (b"\x0a", ziplist(*number_list)) if version < 7 else (
            b"\x0e", length(2) + ziplist(*number_list) + ziplist(b"more"))
    if 4 <= version < 10:
        found[b"ziplist hash"] = b"\x0d", ziplist(b"f", b"v", 5, 6)
    if version >= 8:
        found[b"zset"] = b"\5", doubles((b"a", 1.5), (b"b", float("-inf")), (b"c", float("inf")), (b"d", -17.0))
    if version >= 9:
        found[b"stream"] = stream(version)
    if version >= 10:
        found.update({b"pack hash": (b"\x10", listpack(b"f", b"v", 5, -6)), b"pack zset": (b"\x11", listpack(b"a", -2, b"b", b"1.25")),
                      b"list": (b"\x12", length(2) + b"\2" + listpack(b"a", 5, -4000, 2**40, long) + b"\1" + string(long * 40))})
    if version >= 11:
        found[b"pack set"] = b"\x14", listpack(b"a", 5, b"c")
    if version == 12:
        soon, late = LATE * 1000, LATE * 1000 + 5000
        found[b"hash that expires"] = (b"\x18", struct.pack("<Q", soon) + length(3) + length(0) + string(b"f") + string(b"1") +
                                       length(1) + string(b"g") + string(b"2") + length(5001) + string(b"h") + string(b"3"))
        found[b"pack that expires"] = (b"\x19", struct.pack("<Q", soon) +
                                       listpack(b"g", b"2", soon, b"h", b"3", late, b"f", b"1", 0))
    if version == 80:
        found[b"hash that expires"] = (b"\x16", length(2) + string(b"f") + string(b"1") + struct.pack("<q", -1) + string(b"g") +
                                       string(b"2") + struct.pack("<q", LATE * 1000))
    return found


def file_of(version):
    head = b"VALKEY080" if version == 80 else b"REDIS%04d" % version
    parts = [head]
    if version >= 7:
        parts.append(b"\xfa" + string(b"redis-ver") + string(b"some") + b"\xfa" + string(b"nothing known") + b"\xc0\x01")
    if version >= 10:
        parts.append(b"\xf5" + string(b"#!lua name=lib\nredis.register_function('f', function() return 1 end)"))
    parts.append(b"\xfe\0")
    if version >= 7:
        parts.append(b"\xfb" + length(30) + length(2))
    for number, (name, (kind, body)) in enumerate(values(version).items()):
        if number == 0:
            parts.append(b"\xfd" + struct.pack("<I", 2**31 - 1) if version < 3 else b"\xfc" + struct.pack("<Q", LATE * 1000))
        if version >= 9 and number == 1:
            parts.append(b"\xf8" + length(1000))
        if version >= 9 and number == 2:
            parts.append(b"\xf9\x20")
        parts.append(kind + string(name) + body)
    parts.append(b"\xfe\x07\0" + string(b"elsewhere") + string(b"1") + b"\xff")
    return b"".join(parts) + (bytes(8) if version >= 5 else b"")


# ---- loading ----

def shown(client):
    found = {}
    for db in (0, 7):
        client.call("SELECT", db)
        for key in client.call("KEYS", "*"):
            kind = client.call("TYPE", key)
            kind = kind.decode() if isinstance(kind, bytes) else kind
            asked = {"string": [("GET", key)], "list": [("LRANGE", key, 0, -1)], "set": [("SMEMBERS", key)],
                     "zset": [("ZRANGE", key, 0, -1, "WITHSCORES")], "hash": [("HGETALL", key), ("HPEXPIRETIME", key, "FIELDS", 3, "f", "g", "h")],
                     "stream": [("XRANGE", key, "-", "+"), ("XPENDING", key, "group"), ("XPENDING", key, "group", "-", "+", 10)]}[kind]
            replies = [client.call(*command) for command in asked]
            if kind == "set":
                replies[0].sort()
            if kind == "hash":
                replies[0] = sorted(zip(replies[0][::2], replies[0][1::2]))
            if kind == "stream":
                replies[2] = [[*entry[:2], entry[3]] for entry in replies[2]]  # without how long ago it was
                full = client.call("XINFO", "STREAM", key)
                replies.append({name: value for name, value in zip(full[::2], full[1::2]) if b"radix" not in name})
            found[db, key] = [kind, client.call("PEXPIRETIME", key), *replies]
    client.call("SELECT", 0)
    return found


@pytest.mark.parametrize("version", [*range(1, 13), 80])
def test_a_file_of_version(version, tmp_path):
    content = file_of(version)
    folder = peer.directory() / "tmp" / tmp_path.name
    folder.mkdir()
    try:
        (folder / "dump.rdb").write_bytes(content)
        start = servers.redis if version == 12 else servers.valkey
        with start("--dir", f"/tmp/{folder.name}", "--dbfilename", "dump.rdb") as other, other.client() as client:
            expected = shown(client)
    finally:
        shutil.rmtree(folder)
    assert len(expected) == len(values(version)) + 1
    (tmp_path / "dump.rdb").write_bytes(content)
    checked = subprocess.run([servers.strata_binary(), "check", tmp_path / "dump.rdb"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout
    with servers.strata("--home", "") as server, server.client() as client:
        pathlib.Path(server.directory, "dump.rdb").write_bytes(content)
        assert client.call("DEBUG", "RELOAD", "NOSAVE") == "OK", server.log_text()
        assert shown(client) == expected
        assert client.call("DEBUG", "RELOAD") == "OK"
        assert shown(client) == expected
        client.call("FLUSHALL")
        done = subprocess.run([servers.strata_binary(), "import", "--port", str(server.port), tmp_path / "dump.rdb"],
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert shown(client) == expected
