# SPDX-License-Identifier: BSD-3-Clause
"""Random commands, made of what the server itself tells of its commands, with arguments that nobody would send."""

import resp

KEYS = [b"k%d" % i for i in range(9)] + [b"", b"\xff\x00", b"{k}1"]
USERS = [b"ann", b"bob"]
MEMBERS = [b"a", b"b", b"c", b"1", b"2", b"", b"m" * 70, b"\x00\xff", b"1.5"]
HOSTILE = [b"", b"-0", b"-1", b"0", b"1", b"nan", b"inf", b"-inf", b"1e400", b"0x1p4", b"1.5", b" 1", b"1 ", b"+1", b"01", b"-", b"+",
           b"(", b"[", b"*", b"$", b">", b"~", b"=", b"%d" % (2**31), b"%d" % (2**32), b"%d" % (2**63 - 1), b"%d" % 2**63,
           b"%d" % -2**63, b"%d" % (-2**63 - 1), b"%d" % (2**64 - 1), b"9" * 30, b"\x00", b"\xff\xfe", b"x" * 300,
           b"[" * 60 + b"*?" * 20, b"a*" * 12 + b"b", b"\r\n$-1\r\n", b"%n%s"]
NUMBERS = [b"%d" % n for n in (0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 100, 127, 128, 255, 1000, 65536, -1, -2, -3, -100)]
TIMES = [b"0.01", b"0.05", b"0", b"1", b"-1", b"1e300", b"nan", b"9223372036854775807"]

# What ends the server, sleeps, forgets memory on purpose, or shuts everybody out; and what asks for as many elements as
# there are numbers, and would get them.
NEVER = {"shutdown", "debug", "config set", "config rewrite", "acl setuser", "acl deluser", "acl load", "acl save",
         "client pause", "replicaof", "slaveof", "failover", "migrate", "lolwut", "srandmember", "hrandfield",
         "zrandmember", "eval", "eval_ro", "function load", "restore", "restore-asking", "client kill"}

# What leaves little for others to work on is rare.
RARE = {"flushall", "flushdb", "swapdb", "quit", "reset", "function flush", "function restore", "multi", "auth", "select", "monitor",
        "subscribe", "psubscribe", "ssubscribe", "save", "bgsave", "bgrewriteaof", "client reply", "client pause"}

SETTINGS = [
    ("maxmemory-policy", "allkeys-lru allkeys-lfu allkeys-random volatile-ttl volatile-lru noeviction"),
    ("notify-keyspace-events", "KEA AKE Kx g"), ("hash-max-listpack-entries", "0 1 4 512"),
    ("hash-max-listpack-value", "0 1 64"), ("set-max-intset-entries", "0 2 512"), ("set-max-listpack-entries", "0 2 128"),
    ("zset-max-listpack-entries", "0 2 128"), ("zset-max-listpack-value", "0 2 64"), ("list-max-listpack-size", "-1 -2 1 3"),
    ("stream-node-max-entries", "0 1 2 100"), ("stream-node-max-bytes", "0 1 4096"), ("tracking-table-max-keys", "0 1 2 1000"),
    ("slowlog-log-slower-than", "0 -1 10000"), ("slowlog-max-len", "0 1 128"), ("latency-monitor-threshold", "0 1"),
    ("lazyfree-lazy-user-del", "yes no"), ("lazyfree-lazy-user-flush", "yes no"), ("active-expire-effort", "1 10"),
    ("lfu-decay-time", "0 1"), ("acllog-max-len", "0 1 128"), ("latency-tracking", "yes no"), ("maxmemory-samples", "1 10"),
]
# What would shut the test itself out, or what it needs to be as it is.
KEPT_SETTINGS = {"appendfsync", "appendonly", "durability", "maxmemory", "maxmemory-clients", "proto-max-bulk-len",
                 "client-query-buffer-limit", "client-output-buffer-limit", "maxclients", "requirepass", "port", "tls-port", "bind",
                 "unixsocket", "dir", "logfile", "oom-score-adj", "oom-score-adj-values"}
LARGE = [
    ("RPUSH", "LRANGE KEY 0 -1", "LRANGE KEY 5 -5", "SORT KEY ALPHA", "LPOP KEY 11000", "LTRIM KEY 3 -3", "LSET KEY 9 x"),
    ("SADD", "SMEMBERS KEY", "SUNION KEY k1", "SINTER KEY KEY", "SDIFF KEY k2", "SPOP KEY 9000", "SREM KEY x"),
    ("HSET", "HGETALL KEY", "HVALS KEY", "HKEYS KEY", "HINCRBY KEY n 1", "HDEL KEY n", "HEXPIRE KEY 1 FIELDS 1 n"),
    ("ZADD", "ZRANGE KEY 0 -1 WITHSCORES", "ZREVRANGE KEY 0 -1", "ZUNION 2 KEY k1", "ZREMRANGEBYRANK KEY 5 -5", "ZADD KEY 1 x"),
    ("XADD", "XRANGE KEY - +", "XREVRANGE KEY + -", "XREAD STREAMS KEY 0", "XTRIM KEY MAXLEN 9", "XADD KEY * a b"),
]
FILLINGS = {
    "RPUSH": ["i .. string.rep('x', 100)"], "SADD": ["i .. string.rep('x', 100)", "i"], "HSET": ["i, string.rep('x', 100)"],
    "ZADD": ["i, i .. string.rep('x', 100)", "1, i"], "XADD": ["'*', 'field', string.rep('x', 100)"]}
RULES = ["on", "off", "nopass", ">secret", "<secret", "allkeys", "resetkeys", "~k1", "%R~k*", "%W~k2", "&*", "resetchannels",
         "+@all", "-@all", "+get", "-get", "+@write", "-@dangerous", "+config|get", "(+set ~k3)", "clearselectors", "db=0",
         "reset", "nonsense", "#" + "a" * 64, "%x~", "(", ""]
DEBUG = ["DIGEST", "DIGEST-VALUE k0 k1 k2", "OBJECT k1", "OBJECT k2 fast", "LISTPACK k1", "QUICKLIST k2", "QUICKLIST k3 1",
         "SDSLEN k0", "HTSTATS 0", "HTSTATS 0 full", "HTSTATS-KEY k1", "HTSTATS-KEY k2 full", "POPULATE 50 k", "ERROR x",
         "POPULATE 3 k 100", "STRINGMATCH-LEN 100 a*b", "PROTOCOL map", "PROTOCOL attrib", "PROTOCOL push", "LOG x",
         "RELOAD", "JMAP", "CHANGE-REPL-ID", "SET-ACTIVE-EXPIRE 1", "HELP"]


# ---- DUMP payloads, damaged but for their checksum ----

def _make_crc64_table():
    """The polynomial of Jones, reflected."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC64 = _make_crc64_table()


def sign(payload):
    """The payload with the checksum that belongs to it."""
    crc = 0
    for byte in payload[:-8]:
        crc = _CRC64[(crc ^ byte) & 255] ^ crc >> 8
    return payload[:-8] + crc.to_bytes(8, "little")


# ---- commands ----

class Grammar:
    """The server's commands, by their words, with their arguments as COMMAND DOCS describes them; and its settings."""

    def __init__(self, client):
        self.commands = []
        self.settings = self._settable(client)
        self._add(b"", _as_dict(client.call("COMMAND", "DOCS")))

    @staticmethod
    def _settable(client):
        """Those that may be set to what they are."""
        given = _as_dict(client.call("CONFIG", "GET", "*"))
        return [(name, value) for name, value in given.items() if name.decode() not in KEPT_SETTINGS
                and client.raw("CONFIG", "SET", name, value) == b"+OK\r\n"]

    def _add(self, before, docs):
        for name, doc in docs.items():
            doc = _as_dict(doc)
            words = name.replace(b"|", b" ").split() if b"|" in name or not before else before.split() + [name]
            if b"subcommands" in doc:
                self._add(name, _as_dict(doc[b"subcommands"]))
            elif b" ".join(words).decode() not in NEVER:
                self.commands.append((words, [_as_dict(argument) for argument in doc.get(b"arguments", [])]))
        self.commands.sort(key=lambda command: command[0])


def _as_dict(flat):
    return dict(zip(flat[::2], flat[1::2]))


class Monkey:
    def __init__(self, grammar, random):
        self.grammar = grammar
        self.random = random
        self.payloads = []  # of DUMP, to be damaged
        self._specials = [self._eval] * 6 + [self._restore] * 4 + [
            self._function, self._set_user, self._set_config, self._debug, self._pause, self._kill, self._sample, self._transaction,
            self._transaction, self._large, self._save, self._migrate, self._tracking, self._watch, self._nonsense]

    def commands(self):
        """One command, or a few that belong together."""
        if self.random.random() < 0.3:
            return self.pick(self._specials)()
        return [self._break(self._simple())]

    def pick(self, choices):
        return self.random.choice(choices)

    def chance(self, probability):
        return self.random.random() < probability

    def key(self):
        return self.pick(KEYS)

    # ---- by the grammar ----

    def _simple(self):
        words, arguments = self.pick(self.grammar.commands)
        while b" ".join(words).decode() in RARE and self.chance(0.9):
            words, arguments = self.pick(self.grammar.commands)
        return words + self._sequence(arguments)

    def _sequence(self, arguments):
        made, count_at = [], None
        for argument in arguments:
            values = self._argument(argument)
            if argument[b"name"] in (b"numkeys", b"numfields", b"numids") and values:
                count_at = len(made) + len(values) - 1
            elif count_at is not None and b"multiple" in argument.get(b"flags", []) and self.chance(0.95):
                made[count_at] = b"%d" % len(values)
            made += values
        return made

    def _argument(self, argument):
        flags = argument.get(b"flags", [])
        if b"optional" in flags and self.chance(0.6):
            return []
        times = 1
        if b"multiple" in flags:
            times = self.pick([1, 1, 2, 2, 3, 5, 40 if self.chance(0.1) else 4])
        token, made = [argument[b"token"]] if b"token" in argument else [], []
        for turn in range(times):
            if turn == 0 or b"multiple_token" in flags:
                made += token
            made += self._value(argument)
        return made

    def _value(self, argument):
        kind, name = argument[b"type"], argument[b"name"]
        if kind == b"pure-token":
            return []
        if kind == b"oneof":
            return self._argument(self._without_flags(self.pick([_as_dict(one) for one in argument[b"arguments"]])))
        if kind == b"block":
            return self._sequence([_as_dict(one) for one in argument[b"arguments"]])
        if self.chance(0.04):
            return [self.pick(HOSTILE)]
        if kind == b"key":
            return [self.key()]
        if name in (b"timeout", b"milliseconds") and self.chance(0.8):
            return [self.pick(TIMES)]
        if kind in (b"integer", b"double", b"unix-time"):
            return [self.pick(NUMBERS if self.chance(0.85) else HOSTILE)]
        if name in (b"id", b"start", b"end", b"lastid", b"min", b"max", b"threshold") and self.chance(0.7):
            return [self.pick([b"*", b"-", b"+", b"0", b"$", b">", b"1-1", b"2-0", b"1-*", b"5", b"(1", b"[a", b"(2-1", b"-inf"])]
        return [self._text()]

    @staticmethod
    def _without_flags(argument):
        return {name: value for name, value in argument.items() if name != b"flags"} if b"flags" in argument else argument

    def _text(self):
        kind = self.random.randrange(20)
        if kind < 12:
            return self.pick(MEMBERS)
        if kind < 16:
            return self.pick(NUMBERS)
        if kind < 17:
            return self.pick(HOSTILE)
        return self.random.randbytes(self.pick([3, 10, 60, 300])) if kind < 19 else b"v" * self.pick([1000, 5000, 70000])

    def _break(self, command):
        if self.chance(0.93):
            return command
        command, at = list(command), self.random.randrange(len(command))
        kind = self.random.randrange(4)
        if kind == 0:
            command.insert(at + 1, self.pick(HOSTILE))
        elif kind == 1:
            del command[at]
        elif kind == 2 and at:
            command[at] = self.pick(HOSTILE)
        else:
            command += command[1:] * self.pick([1, 2, 20])
        harmless = command and b" ".join(command[:2]).lower().split()[:1] not in ([b"debug"], [b"shutdown"])
        return command if harmless else [b"PING"]

    # ---- what the grammar does not tell ----

    def _lua_calls(self):
        calls = []
        for _ in range(self.random.randrange(1, 4)):
            words = ",".join('"' + "".join(f"\\{byte:03d}" for byte in word) + '"' for word in self._break(self._simple()))
            how = self.pick(["redis.call", "redis.pcall", "redis.pcall"])
            calls.append(self.pick(["{}({})", "local r = {}({})", "redis.setresp(3) {}({})"]).format(how, words))
        if self.chance(0.3):
            return "do " + " end do ".join(calls) + " end"
        ends = ["", " return {1, {2, {'x', false}}, 1.5}", " return redis.error_reply('x y')", " error({err='e'})",
                " local t = {} t[1] = t return t", " return string.rep('x', 100000)", " return cjson.encode({r = KEYS})",
                " return cmsgpack.pack(KEYS, ARGV)", " local function f() return f() + 1 end return f()",
                " return {double = 1/0}", " return {map = {a = 1, b = {}}}", " return redis.sha1hex(ARGV[1])",
                " return struct.unpack('>I9', ARGV[1] or '')", " return cjson.decode(ARGV[1] or '[[[1e999]]]')"]
        return " do " + " end do ".join(calls) + " end" + self.pick(ends)

    def _eval(self):
        count = self.random.randrange(3)
        return [[self.pick([b"EVAL", b"EVAL", b"EVAL_RO"]), self._lua_calls().encode(), b"%d" % count,
                 *(self.key() for _ in range(count)), *(self._text() for _ in range(self.random.randrange(3)))]]

    def _function(self):
        library, name = self.random.randrange(3), f"f{self.random.randrange(3)}"
        code = (f"#!lua name=lib{library}\nredis.register_function{{function_name='{name}', "
                f"callback=function(KEYS, ARGV) {self._lua_calls()} end, flags={{{self.pick(['', repr('no-writes')])}}}}}")
        return [[b"FUNCTION", b"LOAD", *self.pick([[], [b"REPLACE"]]), code.encode()],
                [b"FCALL", name.encode(), b"1", self.key(), self._text()]]

    def _restore(self):
        if not self.payloads:
            return [[b"PING"]]
        payload = bytearray(self.pick(self.payloads))
        for _ in range(self.pick([0, 1, 1, 1, 2, 5])):
            at = self.random.randrange(max(1, len(payload) - 10))
            kind = self.random.randrange(3)
            if kind == 0:
                payload[at] = self.pick([0, 1, 0x7f, 0x80, 0xff, self.random.randrange(256)])
            elif kind == 1:
                del payload[at:at + self.random.randrange(1, 4)]
            else:
                payload[at:at] = self.random.randbytes(2)
        signed = sign(bytes(payload)) if self.chance(0.95) else bytes(payload)
        return [[b"RESTORE", self.key(), self.pick([b"0", b"0", b"100000000", b"-1"]), signed, b"REPLACE"]]

    def _set_user(self):
        if self.chance(0.2):
            return [[b"ACL", b"DELUSER", *USERS]]
        rules = [self.pick(RULES) for _ in range(self.random.randrange(6))]
        return [[b"ACL", b"SETUSER", self.pick(USERS), *rules], [b"AUTH", self.pick(USERS), b"secret"]]

    def _set_config(self):
        if self.chance(0.7):
            name, values = self.pick(SETTINGS)
            return [[b"CONFIG", b"SET", name, self.pick(values.split())]]
        name, value = self.pick(self.grammar.settings)
        return [[b"CONFIG", b"SET", name, self.pick([value, self.pick(NUMBERS), self.pick(HOSTILE), self.pick([b"yes", b"no"])])]]

    def _debug(self):
        return [[b"DEBUG", *self.pick(DEBUG).split()]]

    def _pause(self):
        return [[b"CLIENT", b"PAUSE", self.pick([b"5", b"30", b"0", b"-1", b"nan"]), *self.pick([[], [b"WRITE"], [b"ALL"]])]]

    def _kill(self):
        which = self.pick([[b"ID", self.pick(NUMBERS)], [b"USER", self.pick(USERS)], [b"TYPE", b"pubsub"], [b"ID", b"%d" % self.random.randrange(300)],
                           [b"SKIPME", b"no", b"MAXAGE", b"100000"], [b"ID", b"1", b"2", b"3"], [b"127.0.0.1:1"]])
        return [[b"CLIENT", b"KILL", *which]]

    def _sample(self):
        """Many, but not as many as there are numbers."""
        counts = [b"0", b"1", b"-1", b"5", b"-20", b"-300", b"9223372036854775807", b"-9223372036854775808", b"x"]
        name = self.pick([b"SRANDMEMBER", b"HRANDFIELD", b"ZRANDMEMBER"])
        return [[name, self.key(), self.pick(counts), *self.pick([[], [b"WITHSCORES"], [b"WITHVALUES"]])]]

    def _transaction(self):
        inner = [self._break(self._simple()) for _ in range(self.random.randrange(5))]
        inner += self.pick([[], [], self._eval(), self._restore(), self._set_config(), self._set_user()])
        return [[b"MULTI"], *inner, [self.pick([b"EXEC", b"EXEC", b"EXEC", b"DISCARD", b"RESET"])]]

    def _large(self):
        """So much that the reply comes in pieces, while the key changes."""
        key = self.key()
        grow, *looks = self.pick(LARGE)
        fill = "for i = 1, 12000 do redis.call('%s', KEYS[1], %s) end" % (grow, self.pick(FILLINGS[grow]))
        looks = [[word.encode().replace(b"KEY", key) for word in self.pick(looks).split()] for _ in range(3)]
        return [[b"DEL", key], [b"EVAL", fill.encode(), b"1", key], *looks, self._break(self._simple()), *self.commands()]

    def _watch(self):
        keys = [self.key() for _ in range(self.random.randrange(1, 4))]
        return [[b"WATCH", *keys], [b"SET", self.key(), b"1"], [b"FLUSHDB"] if self.chance(0.05) else [b"PING"], *self._transaction()]

    def _save(self):
        return [self.pick([[b"BGSAVE"], [b"SAVE"], [b"BGREWRITEAOF"], [b"BGSAVE", b"SCHEDULE"], [b"BGSAVE", b"CANCEL"]])]

    def _migrate(self):
        return [[b"MIGRATE", b"127.0.0.1", b"1", self.key(), b"0", b"50", *self.pick([[], [b"COPY"], [b"KEYS", b"k1"]])]]

    def _tracking(self):
        return [self.pick([[b"HELLO", b"3"], [b"HELLO", b"2"]]),
                [b"CLIENT", b"TRACKING", self.pick([b"ON", b"ON", b"OFF"]),
                 *self.pick([[], [b"BCAST"], [b"OPTIN"], [b"OPTOUT"], [b"NOLOOP"], [b"REDIRECT", self.pick(NUMBERS)], [b"BCAST", b"PREFIX", b"k"]])],
                self.pick([[b"MONITOR"], [b"SUBSCRIBE", b"a"], [b"PSUBSCRIBE", b"*"], [b"GET", b"k1"], [b"SSUBSCRIBE", b"b"]])]

    def _nonsense(self):
        """Words that are no command, and requests with hardly any."""
        return [self.pick([[], [b""], [b"nosuch", b"x" * 200], [b"GET" * 1000], [b"config|get", b"x"], [b"\x00"]])]


def damage(random, raw):
    """Sometimes not what the protocol wants: the beginning only, or with rubbish in it."""
    kind = random.randrange(60)
    if kind == 0:
        return raw[:random.randrange(len(raw) + 1)], True
    if kind == 1:
        return raw + random.choice([b"*2000000000\r\n", b"*1\r\n$-5\r\n", b"*1\r\n$99999999999\r\n", b"'\r\n", b"*-1\r\n\r\n",
                                    b"SET k1 \"a\r\n", b"\x00\r\n", b"*1\r\n:1\r\n", b"PING " + b"x" * 70000]), True
    return raw, False


def encode(commands):
    return b"".join(resp.encode(*command) for command in commands)
