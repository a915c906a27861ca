# SPDX-License-Identifier: BSD-3-Clause
"""Users made of random rules, what is told of them, and what they would be allowed to do."""

import generator

KEYS = ["alice", "bob", "carol"]  # users; keys that commands name are others
PATTERNS = ["a", "a*", "b?", "[ab]x", "", "a:*", "\\a", "x y", "*"]
NAMES = ["a", "ab", "ax", "b", "bx", "a:1", "c"]
CHANNELS = ["news", "n*", "news:*", "*", "a?"]
COMMANDS_KNOWN = ["get", "set", "mget", "del", "config", "config|get", "config|set", "client|list", "client", "select",
                  "copy", "publish", "subscribe", "ping", "swapdb", "acl|whoami", "flushall", "zunionstore", "nosuch",
                  "config|nosuch", "get|x", "GET", "Config|Get", ""]
FIRST_ARGUMENTS = ["select|0", "select|1", "get|a", "SET|A", "config|get|x", "get|", "config|", "nosuch|x"]
CATEGORIES = ["all", "read", "write", "keyspace", "admin", "dangerous", "slow", "fast", "string", "pubsub", "connection",
              "ALL", "Read", "nosuch", ""]
DATABASES = ["0", "1", "0,1", "1,0,1", "15,2", "16", "x", "", "0,", "-1", "+1", "00", "99999999999"]
WORDS = ["on", "off", "nopass", "resetpass", "allkeys", "resetkeys", "allchannels", "resetchannels", "alldbs", "resetdbs",
         "allcommands", "nocommands", "clearselectors", "sanitize-payload", "skip-sanitize-payload", "reset", "nonsense"]
JUNK = [junk for junk in generator.JUNK if b"\x00" not in junk]  # see docs/differences.md
HASHES = ["a" * 64, "0123456789abcdef" * 4, "A" * 64, "abc"]


def probes(user):
    return [["ACL", "GETUSER", user], *(["ACL", "DRYRUN", user, *line] for line in LINES[::4])]


# ---- rules ----

def selector_rule(g):
    return g.pick([
        lambda: g.pick("+-") + g.pick(COMMANDS_KNOWN),
        lambda: g.pick("+-") + g.pick(COMMANDS_KNOWN),
        lambda: g.pick("++-") + g.pick(FIRST_ARGUMENTS),
        lambda: g.pick("+-") + "@" + g.pick(CATEGORIES),
        # The last pattern is "*", which LIST writes differently when it is not "~*" (docs/differences.md).
        lambda: "~" + g.pick(PATTERNS),
        lambda: g.pick(["~", "%R~", "%W~", "%RW~", "%wr~", "%", "%x~", "%R"]) + g.pick(PATTERNS[:-1]),
        lambda: "&" + g.pick(CHANNELS),
        lambda: g.pick(["db=", "db=", "DB="]) + g.pick(DATABASES),
        lambda: g.word(g.pick(WORDS[4:12])),
    ])()


def sound_rule(g):
    """One that is not refused, so that users get somewhere."""
    return g.pick(["+get", "+set", "-set", "+mget", "+@read", "-@write", "+@all", "+config|get", "+select|0", "~a*", "~b",
                   "%R~x*", "%W~c", "&news", "&n*", "db=0,1", "alldbs", "on", ">secret", "nopass"])


def password(g):
    return g.pick("><") + g.pick(["secret", "other", "", "p w"]) if g.chance(0.5) else g.pick("#!") + g.pick(HASHES)


def selector(g):
    """In one argument or in several, and sometimes never closed."""
    rules = [g.pick([sound_rule, selector_rule])(g) for _ in range(g.count(3))]
    text = "(" + g.pick([" ", "  "]).join(rules) + (")" if g.chance(0.95) else "")
    return text.split(" ") if g.chance(0.3) else [text]


def rule(g):
    kind = g.random.randrange(20)
    if kind < 9:
        return [sound_rule(g)]
    if kind < 14:
        return [selector_rule(g)]
    if kind < 16:
        return [password(g)]
    if kind < 18:
        return selector(g)
    return [g.word(g.pick(WORDS))]


def setuser(g):
    return ["ACL", g.word("SETUSER"), g.key(), *sum(g.several(lambda: rule(g), most=3), [])]


# ---- what is asked ----

LINES = [
    ["get", "a"], ["GET", "b"], ["set", "ax", "1"], ["set", "b", "1", "get"], ["mget", "a", "ab", "c"], ["mget", "a", "b"],
    ["copy", "a", "b"], ["copy", "b", "a", "db", "1"], ["copy", "a", "b", "DB", "x"], ["move", "a", "1"], ["move", "a", "2"],
    ["del", "c"], ["config", "get", "x"], ["config", "set", "x", "y"], ["client", "list"], ["select", "0"],
    ["select", "1"], ["select", "15"], ["select", "16"], ["swapdb", "0", "1"], ["swapdb", "2", "1"], ["flushall"],
    ["flushdb"], ["publish", "news", "x"], ["publish", "other", "x"], ["subscribe", "news", "news:1"],
    ["psubscribe", "n*"], ["psubscribe", "news"], ["ping"], ["auth", "x"], ["acl", "whoami"], ["dbsize"], ["keys", "*"],
    ["zunionstore", "c", "2", "a", "b"], ["zunionstore", "c", "9", "a", "b"], ["sort", "a", "store", "c"],
    ["bitfield", "xa", "get", "u8", "0"], ["bitfield", "xa", "set", "u8", "0", "1"], ["exists", "c"], ["nosuch"],
    ["config", "nosuch"], ["config"], ["get"], ["xread", "streams", "a", "b", "0", "0"],
    ["georadius", "a", "1", "1", "1", "m", "store", "c"], ["object", "help"], ["memory", "usage", "b"],
]


def dryrun(g):
    line = g.pick(LINES)
    if g.chance(0.4):
        line = [g.pick(["get", "set", "del", "type", "append", "getset", "incr", "ttl", "lpush", "rename", "touch"]),
                g.pick(NAMES), *g.several(lambda: g.pick(NAMES), most=2)]
    return ["ACL", "DRYRUN", g.key(), *line]


def elsewhere(g):
    return [["SELECT", g.pick([0, 1, 2])], dryrun(g), dryrun(g), ["SELECT", 0]]


COMMANDS = [
    (40, setuser), (40, dryrun), (6, elsewhere),
    (12, lambda g: ["ACL", "GETUSER", g.key()]), (4, lambda g: ["ACL", "LIST"]), (2, lambda g: ["ACL", "USERS"]),
    (2, lambda g: ["ACL", "DELUSER", *g.several(g.key, most=2)]), (1, lambda g: ["ACL", "WHOAMI"]),
]
