/* SPDX-License-Identifier: BSD-3-Clause */
/* The pages of `strata help`. man/strata.1 says the same with more words. */
#include "server/help.h"
#include "base/ensure.h"

#include <string.h>

static const char usage[] =
    "Usage: strata COMMAND [ARGUMENT...]\n"
    "\n"
    "A data-structure server that speaks Redis.\n"
    "\n"
    "Commands:\n"
    "  serve     serve clients (also: strata FILE, strata --port 7000)\n"
    "  import    send keys to a server: RDB files, AOFs, lines of text\n"
    "  export    write the keys of a server to an RDB file\n"
    "  check     read a home, RDB files or AOFs, and say whether they are whole\n"
    "  hotkeys   print the keys that a server uses most\n"
    "  help      print a page: strata help serve\n"
    "  version   print the version\n"
    "\n"
    "Pages of help: serve, import, export, check, hotkeys, config, signals\n";

static const char serve_page[] =
    "Usage: strata serve [FILE] [--DIRECTIVE VALUE...]... [-]\n"
    "\n"
    "Serves clients until it is told to stop. Without arguments it listens on port 6379 of all\n"
    "addresses, keeps the data in ./strata-data, and logs to standard output.\n"
    "\n"
    "  FILE                    read directives from this file, in the format of redis.conf\n"
    "  --DIRECTIVE VALUE...    set a directive, after the file\n"
    "  -                       read more directives from standard input, before the arguments\n"
    "\n"
    "Directives that are set most often (`strata help config` has more):\n"
    "  --port 6379             the TCP port; 0 listens on no TCP port\n"
    "  --bind '* -::*'         addresses to listen on; with '-' one may be missing\n"
    "  --unixsocket PATH       listen on a Unix socket, too\n"
    "  --workers N             threads that serve clients; by default one a core\n"
    "  --home dir:./strata-data\n"
    "                          where the data live; \"\" keeps them in memory alone\n"
    "  --durability everysec   what a reply waits for: always (the disk), everysec or none\n"
    "  --maxmemory 0           memory for data, as 100mb or 2gb; 0 is no limit\n"
    "  --maxmemory-policy noeviction\n"
    "                          what goes when memory is full, as allkeys-lru\n"
    "  --requirepass PASSWORD  what clients must say to AUTH\n"
    "  --databases 16          how many databases SELECT knows\n"
    "  --daemonize no          go to the background; with --pidfile and --logfile\n"
    "  --loglevel notice       debug, verbose, notice, warning or nothing\n"
    "\n"
    "When the home is empty, the server loads what Redis or Valkey have left in the directory\n"
    "in which it starts: appendonlydir, unless there is `appendonly no`, otherwise dump.rdb.\n"
    "\n"
    "Examples:\n"
    "  strata serve --port 7000 --maxmemory 1gb\n"
    "  strata serve /etc/strata.conf --loglevel verbose\n"
    "  strata serve --port 0 --unixsocket /run/strata.sock --unixsocketperm 770\n"
    "\n"
    "Exit status: 0 after an orderly stop, 1 when the server could not start, or could not save\n"
    "at the end.\n";

static const char import_page[] =
    "Usage: strata import [OPTION...] FILE\n"
    "\n"
    "Sends keys to a running server. FILE, or - for standard input, is told by its content:\n"
    "\n"
    "  an RDB file             of Redis from 2.x to 8, of Valkey, of Strata\n"
    "  an AOF                  with or without an RDB file at its beginning\n"
    "  a folder                with the manifest of an AOF in parts (appendonlydir)\n"
    "  lines of text           a key a line: it ends at the first separator, and the rest of the\n"
    "                          line is the value\n"
    "\n"
    "  --host 127.0.0.1        where the server is\n"
    "  --port 6379\n"
    "  --socket PATH           connect to a Unix socket instead\n"
    "  --user NAME             say who we are, with --password\n"
    "  --password PASSWORD     (or in the environment: STRATA_PASSWORD)\n"
    "  --tls                   connect with TLS; so do the following:\n"
    "  --cacert FILE           who vouches for the server, instead of the system's authorities;\n"
    "  --cacertdir DIRECTORY   the same as a directory\n"
    "  --cert FILE --key FILE  the certificate that we show\n"
    "  --insecure              take any certificate\n"
    "  --quiet                 no progress, only errors and the summary\n"
    "  --skip-corrupt          of RDB files: leave corrupt values out, instead of stopping there\n"
    "  --db 0                  of text: the database to write to\n"
    "  --ttl SECONDS           of text: let the keys expire\n"
    "  --separator ' '         of text: what stands between key and value: one or more bytes,\n"
    "                          \\t for a tab\n"
    "\n"
    "Keys that are there already are replaced. What is not stored is reported, with its offset\n"
    "or its line, and counted: values that the server refuses or that are corrupt, values of\n"
    "modules, lines that have no separator or are too long. Empty lines are skipped. Lines may\n"
    "end in \\n or \\r\\n.\n"
    "\n"
    "Examples:\n"
    "  strata import dump.rdb\n"
    "  strata import /var/lib/redis/appendonlydir\n"
    "  zcat dump.gz | strata import --db 2 --separator '\\t' -\n"
    "\n"
    "Exit status: 0 when all was stored, 1 when some was not, 2 when the import could not begin\n"
    "or was cut short.\n";

static const char export_page[] =
    "Usage: strata export [OPTION...] FILE\n"
    "\n"
    "Writes the keys of a running server, Strata or another, to an RDB file, of the version that\n"
    "the server's DUMP makes. Each key is as it was when it was asked for: while others write,\n"
    "the file shows no single instant. BGSAVE makes one that does.\n"
    "\n"
    "  --host 127.0.0.1        where the server is\n"
    "  --port 6379\n"
    "  --socket PATH           connect to a Unix socket instead\n"
    "  --quiet                 no progress, only errors and the summary\n"
    "\n"
    "and the options of `strata help import` that say who we are, and those of TLS.\n"
    "\n"
    "Example:\n"
    "  strata export --port 7000 dump.rdb\n"
    "\n"
    "Exit status: 0 when all was written, 2 when not; there is no file then.\n";

static const char check_page[] =
    "Usage: strata check FILE...\n"
    "       strata check dir:PATH [--repair]\n"
    "\n"
    "Reads RDB files, AOFs, and folders with the manifest of an AOF, from the beginning to the\n"
    "end, and says what there is and what is wrong, with offsets. Of a home (dir:PATH) it reads\n"
    "the newest snapshot and the journal.\n"
    "\n"
    "  --repair                keep what comes before the damage, and put the rest into the\n"
    "                          home's folder aside; no server may use it meanwhile\n"
    "\n"
    "Examples:\n"
    "  strata check dump.rdb appendonlydir\n"
    "  strata check dir:/var/lib/strata/strata-data --repair\n"
    "\n"
    "Exit status: 0 when all is well, 1 when something is damaged, 2 when something cannot be\n"
    "read.\n";

static const char hotkeys_page[] =
    "Usage: strata hotkeys [OPTION...]\n"
    "\n"
    "Prints the keys that a server has used most lately: about how often a second, and what part\n"
    "of all uses of keys that is. The server counts a sample of them all the time, in which what\n"
    "is older than half a minute counts half.\n"
    "\n"
    "  --count 10              how many keys, up to 128\n"
    "  --reset                 let the server forget what it has counted\n"
    "\n"
    "Where the server is, and who we are, as in `strata help import`: --host, --port, --socket,\n"
    "--user, --password, --tls, --cacert, --cacertdir, --cert, --key, --insecure.\n"
    "\n"
    "Exit status: 0, or 1 when the server could not be asked.\n";

static const char config_page[] =
    "Directives stand one a line, a name and its values, in a file, on the command line with\n"
    "two dashes before the name, or in CONFIG SET. The format is that of redis.conf: # starts a\n"
    "comment line, quotes hold spaces together, and `include FILE` reads another file or several\n"
    "(*).\n"
    "\n"
    "All directives of Valkey 9.1 and Redis 8 are known, so their files can be used; those that\n"
    "mean nothing here are accepted, and the log names them. A name that nobody knows is an\n"
    "error.\n"
    "\n"
    "Network    port, bind, unixsocket, unixsocketperm, unixsocketgroup, tcp-backlog,\n"
    "           tcp-keepalive, timeout, protected-mode, maxclients\n"
    "TLS        tls-port, tls-cert-file, tls-key-file, tls-ca-cert-file, tls-auth-clients\n"
    "Process    workers (io-threads), dir, daemonize, pidfile, supervised, crash-log-enabled,\n"
    "           oom-score-adj\n"
    "Log        loglevel, logfile, syslog-enabled, syslog-ident, syslog-facility\n"
    "Access     requirepass, user, aclfile, acllog-max-len, acl-pubsub-default, rename-command,\n"
    "           enable-debug-command, enable-protected-configs\n"
    "Disk       home, durability (appendonly, appendfsync), save, dbfilename, rdb-version,\n"
    "           stop-writes-on-bgsave-error\n"
    "Data       databases, maxmemory, maxmemory-policy, maxmemory-samples, lfu-log-factor,\n"
    "           lfu-decay-time, active-expire-effort, lazyfree-lazy-user-del,\n"
    "           lazyfree-lazy-user-flush, notify-keyspace-events\n"
    "Limits     proto-max-bulk-len, client-query-buffer-limit, client-output-buffer-limit,\n"
    "           busy-reply-threshold, script-memory-limit\n"
    "Watching   slowlog-log-slower-than, slowlog-max-len, latency-monitor-threshold,\n"
    "           latency-tracking, tracking-table-max-keys\n"
    "\n"
    "Sizes take a unit: 1k is 1000 bytes, 1kb is 1024; likewise m, mb, g and gb.\n"
    "\n"
    "CONFIG GET shows them, CONFIG SET changes most of them, CONFIG REWRITE writes what has\n"
    "changed back into the file. docs/configuration.md of the sources explains each one, and\n"
    "strata.conf is a file to start from.\n";

static const char signals_page[] =
    "SIGTERM, SIGINT    stop: take no more requests, write the replies that are due, take a last\n"
    "                   snapshot if `save` asks for one, and exit. A second SIGINT exits at\n"
    "                   once.\n"
    "SIGHUP, SIGUSR1    nothing. The log file is opened anew for each line, so rotating it needs\n"
    "                   no signal.\n"
    "SIGSEGV and such   log a backtrace, and die of the signal, with a core dump where the limits\n"
    "                   allow one.\n"
    "\n"
    "Under systemd, use Type=notify: the server says when it is ready and when it stops.\n";

static const struct {
    const char *topic, *text;
} pages[] = {
    {"serve", serve_page},     {"import", import_page},   {"export", export_page},
    {"check", check_page},     {"hotkeys", hotkeys_page}, {"config", config_page},
    {"signals", signals_page},
};

void help_usage(FILE *out) {
    fputs(usage, out);
}

int help(int argc, char **argv) {
    if (argc == 0) {
        help_usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (strcmp(argv[0], pages[i].topic) == 0) {
            fputs(pages[i].text, stdout);
            return 0;
        }
    fprintf(stderr, "strata: there is no page of help about '%s'\n", argv[0]);
    help_usage(stderr);
    return 2;
}
