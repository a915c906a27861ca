# SPDX-License-Identifier: BSD-3-Clause
"""Streams: commands that no peer here has. All others are compared with Valkey's in tests/differential."""

import pytest

from resp import Failure


@pytest.fixture
def groups(client):
    """Entries 1-1 to 5-1; group g has read three, and group h one."""
    for i in range(1, 6):
        client.call("XADD", "s", f"{i}-1", "f", i)
    for group, count in (("g", 3), ("h", 1)):
        client.call("XGROUP", "CREATE", "s", group, 0)
        client.call("XREADGROUP", "GROUP", group, "c", "COUNT", count, "STREAMS", "s", ">")
    return client


def ids(client):
    return [entry[0].decode() for entry in client.call("XRANGE", "s", "-", "+")]


def pending(client, group):
    return [entry[0].decode() for entry in client.call("XPENDING", "s", group, "-", "+", 10)]


def test_xdelex_keeps_references(groups):
    assert groups.call("XDELEX", "s", "IDS", 3, "1-1", "5-1", "9-9") == [1, 1, -1]
    assert ids(groups) == ["2-1", "3-1", "4-1"]
    assert pending(groups, "g") == ["1-1", "2-1", "3-1"]


def test_xdelex_drops_references(groups):
    assert groups.call("XDELEX", "s", "DELREF", "IDS", 2, "1-1", "5-1") == [1, 1]
    assert pending(groups, "g") == ["2-1", "3-1"]
    assert pending(groups, "h") == []


def test_xdelex_drops_references_to_what_is_gone(groups):
    groups.call("XDEL", "s", "1-1")
    assert groups.call("XDELEX", "s", "IDS", 1, "1-1", "DELREF") == [-1]
    assert pending(groups, "h") == []


def test_xdelex_leaves_what_groups_have_still_to_read(groups):
    assert groups.call("XDELEX", "s", "ACKED", "IDS", 2, "1-1", "4-1") == [2, 2]
    groups.call("XACK", "s", "g", "1-1")
    groups.call("XACK", "s", "h", "1-1")
    assert groups.call("XDELEX", "s", "ACKED", "IDS", 1, "1-1") == [1]


def test_xackdel_acknowledges_and_deletes(groups):
    assert groups.call("XACKDEL", "s", "g", "IDS", 2, "1-1", "4-1") == [1, -1]
    assert ids(groups) == ["2-1", "3-1", "4-1", "5-1"]
    assert pending(groups, "g") == ["2-1", "3-1"]
    assert pending(groups, "h") == ["1-1"]


def test_xackdel_leaves_what_others_need(groups):
    assert groups.call("XACKDEL", "s", "g", "ACKED", "IDS", 1, "1-1") == [2]
    assert "1-1" in ids(groups)
    assert groups.call("XACKDEL", "s", "h", "ACKED", "IDS", 1, "1-1") == [1]
    assert "1-1" not in ids(groups)


def test_without_key_or_group_there_is_nothing(groups):
    assert groups.call("XDELEX", "nothing", "IDS", 2, "1-1", "2-1") == [-1, -1]
    assert groups.call("XACKDEL", "s", "nothing", "IDS", 1, "1-1") == [-1]


@pytest.mark.parametrize("arguments", [
    ["IDS", 0, "1-1"], ["IDS", "x", "1-1"], ["IDS", 2, "1-1"], ["IDS", 1, "1-1", "2-1"], ["IDS", 1, "x"],
    ["KEEPREF", "ACKED", "IDS", 1, "1-1"], ["FOO", 1, "1-1"]])
def test_wrong_arguments_change_nothing(groups, arguments):
    with pytest.raises(Failure):
        groups.call("XDELEX", "s", *arguments)
    with pytest.raises(Failure):
        groups.call("XACKDEL", "s", "g", *arguments)
    assert len(ids(groups)) == 5


# ---- KEEPREF, DELREF and ACKED where streams are trimmed ----

def test_trimming_keeps_references(groups):
    assert groups.call("XTRIM", "s", "MAXLEN", 2, "KEEPREF") == 3
    assert pending(groups, "g") == ["1-1", "2-1", "3-1"]


def test_trimming_drops_references(groups):
    assert groups.call("XTRIM", "s", "DELREF", "MAXLEN", "=", 3) == 2
    assert pending(groups, "g") == ["3-1"]
    assert pending(groups, "h") == []


def test_trimming_leaves_what_is_referenced(groups):
    assert groups.call("XTRIM", "s", "MAXLEN", 0, "ACKED") == 0
    groups.call("XREADGROUP", "GROUP", "h", "c", "STREAMS", "s", ">")
    groups.call("XACK", "s", "g", "2-1", "3-1")
    groups.call("XACK", "s", "h", "1-1", "2-1")
    assert groups.call("XTRIM", "s", "MINID", "3-1", "ACKED") == 1
    assert ids(groups) == ["1-1", "3-1", "4-1", "5-1"]
    groups.call("XACK", "s", "h", "3-1")
    assert groups.call("XTRIM", "s", "MAXLEN", 3, "acked") == 1
    assert ids(groups) == ["1-1", "4-1", "5-1"]


def test_adding_trims_with_regard_to_groups(groups):
    groups.call("XADD", "s", "ACKED", "MAXLEN", "=", 1, "6-1", "f", "v")
    assert len(ids(groups)) == 6
    groups.call("XADD", "s", "MAXLEN", 1, "DELREF", "7-1", "f", "v")
    assert ids(groups) == ["7-1"]
    assert pending(groups, "g") == pending(groups, "h") == []
    groups.call("XADD", "s", "KEEPREF", "*", "f", "v")
    assert groups.call("XLEN", "s") == 2


def test_trimming_of_many_nodes_leaves_what_is_referenced(client):
    for i in range(1, 1001):
        client.call("XADD", "s", i, "f", i)
    client.call("XGROUP", "CREATE", "s", "g", 0)
    client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 900, "STREAMS", "s", ">")
    kept = ["1-0", "150-0", "899-0"]
    client.call("XACK", "s", "g", *(f"{i}-0" for i in range(1, 901) if f"{i}-0" not in kept))
    assert client.call("XTRIM", "s", "MAXLEN", "~", 750, "ACKED") == 198
    assert client.call("XTRIM", "s", "MAXLEN", 0, "ACKED") == 900 - 3 - 198
    assert ids(client) == [*kept, *(f"{i}-0" for i in range(901, 1001))]


def test_references_are_chosen_once(groups):
    for words in (["MAXLEN", 1, "ACKED", "DELREF"], ["ACKED"]):
        with pytest.raises(Failure):
            groups.call("XTRIM", "s", *words)


def test_no_entry_comes_before_one_that_was_deleted(client):
    """Else no file of the data could be read again: a node's IDs grow, those of deleted entries too."""
    for i in ("1-1", "5-1"):
        client.call("XADD", "s", i, "f", i)
    client.call("XDEL", "s", "5-1")
    assert client.call("XSETID", "s", "6-0", "MAXDELETEDID", "0-1") == "OK"
    with pytest.raises(Failure, match="top item"):
        client.call("XSETID", "s", "2-0")
    client.call("XADD", "s", "7-0", "f", "last")
    assert client.call("RESTORE", "copy", 0, client.call("DUMP", "s")) == "OK"
    assert ids(client) == ["1-1", "7-0"]
