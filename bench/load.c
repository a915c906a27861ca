/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load: connections that each send a batch of requests, wait for all its replies, and send the
 * next one. One thread, so that it takes as little as it can from the machine that it measures.
 * Requests are made when they are sent, in one buffer for each connection that stays in the nearest
 * cache: a stock of ready requests would push the server's data out of the cache that they share.
 *
 * The latency of a request is that of its batch: from before the write to after the last reply.
 *
 * With a rate, batches are due at equal intervals, on the connections in turn, and latency counts
 * from when a batch was due: a server that stands still makes those wait that come meanwhile, too.
 */
#include "histogram.h"
#include "replies.h"
#include "work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SIZE = 64 << 10, EVENTS = 256, FIRST_ERROR_SIZE = 120 };

struct load_options {
    struct work_options work;
    const char *host;
    unsigned port, connections, depth;
    uint64_t requests;
    double seconds, rate;
};

struct connection {
    int fd;
    bool waits_for_output;
    struct output output;
    size_t sent;
    unsigned replies, expected; /* of the batch */
    uint64_t sent_at;           /* or when it was due */
    bool is_busy;
    uint64_t late_since; /* when the next batch was due that waits for this one; 0 = none does */
    struct reply_parser parser;
    size_t input_size; /* the start of a line whose rest is to come */
    char *input;
    /* Of "cache": the batch is `sets` SETs, then GETs of these keys; misses are set in the next
     * one. */
    unsigned sets, misses;
    uint64_t *asked, *missed;
};

struct load {
    struct load_options options;
    struct work *work;
    struct connection *connections;
    int epoll;
    unsigned active;              /* connections that wait for replies */
    uint64_t interval, due, turn; /* with a rate: ns between batches, when one is due, which one */
    uint64_t issued, answered, gets, nils, errors, deadline;
    char first_error[FIRST_ERROR_SIZE];
    struct histogram latencies;
};

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(2);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) fail("memory");
    return memory;
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool is_over(const struct load *load) {
    if (load->options.requests && load->issued >= load->options.requests) return true;
    return load->deadline && now_ns() >= load->deadline;
}

/* Writes what is left of the batch, and asks to be woken when the socket does not take all of it.
 */
static void flush(struct load *load, struct connection *connection) {
    struct output *output = &connection->output;
    while (connection->sent < output->size) {
        ssize_t n =
            write(connection->fd, output->data + connection->sent, output->size - connection->sent);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) fail("write");
        if (n < 0) break;
        connection->sent += (size_t)n;
    }
    bool wait = connection->sent < output->size;
    if (wait == connection->waits_for_output) return;
    connection->waits_for_output = wait;
    struct epoll_event event = {.events = EPOLLIN | (wait ? EPOLLOUT : 0), .data.ptr = connection};
    if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event)) fail("epoll_ctl");
}

static void append_sets_of_misses(struct load *load, struct connection *connection) {
    connection->sets = connection->misses;
    connection->misses = 0;
    for (unsigned i = 0; i < connection->sets; i++) {
        work_append_set(load->work, &connection->output, connection->missed[i]);
    }
}

/* Makes and sends the next batch, if anything is left to do. */
static void send_batch(struct load *load, struct connection *connection, uint64_t since) {
    if (is_over(load)) return;
    uint64_t left = load->options.requests ? load->options.requests - load->issued : UINT64_MAX;
    unsigned count = left < load->options.depth ? (unsigned)left : load->options.depth;
    connection->output.size = connection->sent = 0;
    append_sets_of_misses(load, connection);
    for (unsigned i = 0; i < count; i++) {
        uint64_t index;
        work_append(load->work, &connection->output, &index);
        if (connection->asked) connection->asked[i] = index;
    }
    load->issued += count;
    connection->replies = 0;
    connection->expected = connection->sets + count;
    connection->sent_at = since;
    connection->is_busy = true;
    load->active++;
    flush(load, connection);
}

/* The batches that are due by now. */
static void send_due(struct load *load) {
    for (uint64_t now = now_ns(); load->due <= now; load->due += load->interval) {
        struct connection *next = &load->connections[load->turn++ % load->options.connections];
        if (!next->is_busy)
            send_batch(load, next, load->due);
        else if (!next->late_since)
            next->late_since = load->due;
    }
}

static void send_next(struct load *load, struct connection *connection) {
    uint64_t since = load->interval ? connection->late_since : now_ns();
    connection->late_since = 0;
    if (since) send_batch(load, connection, since);
}

struct receiver {
    struct load *load;
    struct connection *connection;
};

static void on_reply(void *argument, enum reply_kind kind, const char *line, size_t size) {
    struct receiver *receiver = argument;
    struct load *load = receiver->load;
    struct connection *connection = receiver->connection;
    unsigned number = connection->replies++;
    if (kind == REPLY_ERROR && !load->errors++) {
        if (size >= FIRST_ERROR_SIZE) size = FIRST_ERROR_SIZE - 1;
        memcpy(load->first_error, line, size);
    }
    if (number < connection->sets) return;
    load->gets++;
    if (kind != REPLY_NIL) return;
    load->nils++;
    if (connection->missed) {
        connection->missed[connection->misses++] = connection->asked[number - connection->sets];
    }
}

static void receive(struct load *load, struct connection *connection) {
    ssize_t n = read(connection->fd, connection->input + connection->input_size,
                     INPUT_SIZE - connection->input_size);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail("read");
    if (n == 0) {
        fputs("load: the server closed a connection\n", stderr);
        exit(2);
    }
    struct receiver receiver = {load, connection};
    struct reply_sink sink = {on_reply, &receiver};
    size_t size = connection->input_size + (size_t)n;
    size_t used = replies_parse(&connection->parser, connection->input, size, &sink);
    if (used == SIZE_MAX || (used == 0 && size == INPUT_SIZE) ||
        connection->replies > connection->expected) {
        fputs("load: the replies do not match the requests\n", stderr);
        exit(2);
    }
    connection->input_size = size - used;
    memmove(connection->input, connection->input + used, connection->input_size);
    if (connection->replies < connection->expected) return;
    unsigned requests = connection->expected - connection->sets;
    histogram_add(&load->latencies, now_ns() - connection->sent_at, requests);
    load->answered += requests;
    connection->is_busy = false;
    load->active--;
    send_next(load, connection);
}

static int connect_to(const char *host, unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "load: %s is no IPv4 address\n", host);
        exit(2);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) fail("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void open_connections(struct load *load) {
    const struct load_options *options = &load->options;
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll < 0) fail("epoll_create1");
    load->connections = allocate(options->connections * sizeof *load->connections);
    for (unsigned i = 0; i < options->connections; i++) {
        struct connection *connection = &load->connections[i];
        connection->fd = connect_to(options->host, options->port);
        connection->input = allocate(INPUT_SIZE);
        if (work_sets_misses(load->work)) {
            connection->asked = allocate(options->depth * sizeof *connection->asked);
            connection->missed = allocate(options->depth * sizeof *connection->missed);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event)) fail("epoll_ctl");
    }
}

static void close_connections(struct load *load) {
    for (unsigned i = 0; i < load->options.connections; i++) {
        struct connection *connection = &load->connections[i];
        close(connection->fd);
        free(connection->input);
        free(connection->output.data);
        free(connection->asked);
        free(connection->missed);
    }
    free(load->connections);
    close(load->epoll);
}

/* Waits for replies, or until a batch is due. */
static int wait_for_events(struct load *load, struct epoll_event *events) {
    struct timespec left = {0};
    uint64_t now = now_ns();
    if (load->interval && load->due > now) {
        left.tv_sec = (time_t)((load->due - now) / 1000000000u);
        left.tv_nsec = (long)((load->due - now) % 1000000000u);
    }
    int count = epoll_pwait2(load->epoll, events, EVENTS, load->interval ? &left : NULL, NULL);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    return count;
}

static void run(struct load *load) {
    struct epoll_event events[EVENTS];
    for (unsigned i = 0; i < load->options.connections && !load->interval; i++)
        send_batch(load, &load->connections[i], now_ns());
    while (load->active || (load->interval && !is_over(load))) {
        if (load->interval) send_due(load);
        int count = wait_for_events(load, events);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (connection->waits_for_output) flush(load, connection);
            if (events[i].events & ~(uint32_t)EPOLLOUT) receive(load, connection);
        }
    }
}

/* Errors come from the server, so they may hold anything. */
static void print_json_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static double microseconds(const struct load *load, double share) {
    return (double)histogram_quantile(&load->latencies, share) / 1000;
}

static void print_results(const struct load *load, double seconds) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"workload\": \"%s\", \"requests\": %llu, \"seconds\": %.6f, \"per_second\": %.1f, ",
           load->options.work.workload, (unsigned long long)load->answered, seconds,
           (double)load->answered / seconds);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, ",
           microseconds(load, 0.5), microseconds(load, 0.99), microseconds(load, 0.999),
           (double)load->latencies.max / 1000);
    printf("\"load_cpu_seconds\": %.3f, \"nils\": %llu, \"errors\": %llu, \"first_error\": ", cpu,
           (unsigned long long)load->nils, (unsigned long long)load->errors);
    print_json_string(load->first_error);
    puts("}");
}

static const char help[] =
    "Usage: load [OPTION...]\n"
    "\n"
    "Sends requests to a server on this machine and prints what it saw as JSON.\n"
    "\n"
    "  --workload NAME    get, set, mixed, incr, ping, mget, mset, exists; fill and del (once "
    "over\n"
    "                     all keys); cache (GET, then SET what was not there); command and each\n"
    "                     (of random keys, and once over all): what --command says\n"
    "  --command TEXT     such as \"HSET hash field:{key} {any}\"; also {hash} {score} {lon} "
    "{lat}\n"
    "                     {end} {turn}, and \" ; \" between commands that take turns\n"
    "  --host ADDRESS     127.0.0.1\n"
    "  --port PORT        6379\n"
    "  --connections N    50\n"
    "  --depth N          requests that a connection sends at once (1)\n"
    "  --requests N       ends after N requests (1000000, unless --seconds is given)\n"
    "  --seconds S        ends after S seconds\n"
    "  --rate N           requests in a second, sent when they are due; without, one batch "
    "follows\n"
    "                     the other\n"
    "  --keys KIND        plain (16 bytes), uuid (36) or json (50)\n"
    "  --key-count N      1000000\n"
    "  --value-size N     of plain keys (32)\n"
    "  --zipf S           keys by Zipf's law with this exponent; uniform without\n"
    "  --set-share S      of mixed: the share of SET (0.1)\n"
    "  --sample S         of del: the share of the keys that is deleted (1)\n"
    "  --width N          keys of one MGET, MSET or EXISTS (10)\n"
    "  --seed N           of the random choices (1)\n";

static const struct option long_options[] = {
    {"workload", 1, NULL, 'w'},  {"host", 1, NULL, 'h'},
    {"port", 1, NULL, 'p'},      {"connections", 1, NULL, 'c'},
    {"depth", 1, NULL, 'P'},     {"requests", 1, NULL, 'n'},
    {"seconds", 1, NULL, 's'},   {"keys", 1, NULL, 'k'},
    {"key-count", 1, NULL, 'r'}, {"value-size", 1, NULL, 'd'},
    {"zipf", 1, NULL, 'z'},      {"set-share", 1, NULL, 'S'},
    {"sample", 1, NULL, 'f'},    {"width", 1, NULL, 'W'},
    {"seed", 1, NULL, 'e'},      {"command", 1, NULL, 'C'},
    {"rate", 1, NULL, 'R'},      {"help", 0, NULL, '?'},
    {NULL, 0, NULL, 0},
};

static enum data_kind key_kind(const char *name) {
    if (!strcmp(name, "plain")) return DATA_PLAIN;
    if (!strcmp(name, "uuid")) return DATA_UUID;
    if (!strcmp(name, "json")) return DATA_JSON;
    fprintf(stderr, "load: no kind of keys is called %s\n", name);
    exit(2);
}

/* false: the option does not concern the work. */
static bool read_work_option(struct work_options *work, int option) {
    switch (option) {
    case 'w': work->workload = optarg; return true;
    case 'C': work->command = optarg; return true;
    case 'k': work->keys = key_kind(optarg); return true;
    case 'r': work->key_count = strtoull(optarg, NULL, 10); return true;
    case 'd': work->value_size = strtoull(optarg, NULL, 10); return true;
    case 'z': work->zipf = strtod(optarg, NULL); return true;
    case 'S': work->set_share = strtod(optarg, NULL); return true;
    case 'f': work->sample = strtod(optarg, NULL); return true;
    case 'W': work->width = (unsigned)strtoul(optarg, NULL, 10); return true;
    case 'e': work->seed = strtoull(optarg, NULL, 10); return true;
    default: return false;
    }
}

static struct load_options read_options(int argc, char **argv) {
    struct load_options options = {
        .work = {.workload = "get",
                 .key_count = 1000000,
                 .value_size = 32,
                 .set_share = 0.1,
                 .sample = 1,
                 .width = 10,
                 .seed = 1},
        .host = "127.0.0.1",
        .port = 6379,
        .connections = 50,
        .depth = 1,
    };
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (read_work_option(&options.work, option)) continue;
        switch (option) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'c': options.connections = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'P': options.depth = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'n': options.requests = strtoull(optarg, NULL, 10); break;
        case 's': options.seconds = strtod(optarg, NULL); break;
        case 'R': options.rate = strtod(optarg, NULL); break;
        default: fputs(help, stdout); exit(optind < argc || optopt ? 2 : 0);
        }
    }
    if (!options.connections || !options.depth || !options.work.key_count || !options.work.width) {
        fputs("load: connections, depth, key-count and width start at 1\n", stderr);
        exit(2);
    }
    return options;
}

int main(int argc, char **argv) {
    struct load *load = allocate(sizeof *load);
    load->options = read_options(argc, argv);
    load->work = work_create(&load->options.work);
    if (!load->work) {
        fprintf(stderr, "load: no workload is called %s\n", load->options.work.workload);
        return 2;
    }
    if (work_length(load->work)) load->options.requests = work_length(load->work);
    if (!load->options.requests && load->options.seconds <= 0) load->options.requests = 1000000;
    open_connections(load);
    uint64_t start = now_ns();
    if (load->options.rate > 0)
        load->interval = (uint64_t)(1e9 * load->options.depth / load->options.rate);
    load->due = start;
    if (load->options.seconds > 0) load->deadline = start + (uint64_t)(load->options.seconds * 1e9);
    run(load);
    print_results(load, (double)(now_ns() - start) / 1e9);
    bool failed = load->errors != 0;
    close_connections(load);
    work_free(load->work);
    free(load);
    return failed ? 1 : 0;
}
