/* SPDX-License-Identifier: BSD-3-Clause */
#include "server/title.h"
#include "base/ensure.h"
#include "config/config.h"
#include "server/settings.h"
#include "sys/process.h"

#include <string.h>

static bool set_proc_title;
static char *template;

/* ---- what stands for a variable ---- */

static void put_port(struct buffer *out) {
    buffer_printf(out, "%lld", (long long)server_settings.port);
}

static void put_tls_port(struct buffer *out) {
    buffer_printf(out, "%lld", (long long)server_settings.tls_port);
}

static void put_unixsocket(struct buffer *out) {
    buffer_printf(out, "%s", server_settings.unixsocket);
}

static void put_config_file(struct buffer *out) {
    buffer_printf(out, "%s", *config_file() ? config_file() : "-");
}

static void put_title(struct buffer *out) {
    buffer_printf(out, "strata");
}

/* There is one mode, which has no name. */
static void put_mode(struct buffer *out) {
    (void)out;
}

/* The first address, or the socket when there is no port. */
static void put_address(struct buffer *out) {
    int64_t port = server_settings.port ? server_settings.port : server_settings.tls_port;
    if (port)
        buffer_printf(out, "%.*s:%lld", (int)strcspn(server_settings.bind, " "),
                      server_settings.bind, (long long)port);
    else
        put_unixsocket(out);
}

static const struct {
    const char *name;
    void (*put)(struct buffer *out);
} variables[] = {
    {"title", put_title},
    {"listen-addr", put_address},
    {"server-mode", put_mode},
    {"port", put_port},
    {"tls-port", put_tls_port},
    {"unixsocket", put_unixsocket},
    {"config-file", put_config_file},
};

/* ---- the template ---- */

/* Takes the template's next piece: text without variables, or the number of one. False: an opening
 * brace that no variable follows. */
static bool next_piece(struct bytes *rest, struct bytes *text, int *variable) {
    const char *brace = memchr(rest->data, '{', rest->len);
    *variable = -1;
    *text = bytes_make(rest->data, brace ? (size_t)(brace - rest->data) : rest->len);
    if (text->len || !brace) {
        *rest = bytes_skip(*rest, text->len);
        return true;
    }
    const char *end = memchr(rest->data, '}', rest->len);
    if (!end) return false;
    struct bytes name = bytes_make(rest->data + 1, (size_t)(end - rest->data) - 1);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        if (bytes_equal(name, bytes_of(variables[i].name))) *variable = (int)i;
    *rest = bytes_skip(*rest, name.len + 2);
    return *variable >= 0;
}

static bool check_template(const struct config_row *row, struct bytes text, struct buffer *error) {
    struct bytes piece;
    int variable;
    bool valid = text.len > 0;
    while (valid && text.len)
        valid = next_piece(&text, &piece, &variable);
    if (!valid) buffer_printf(error, "template format is invalid or contains unknown variables");
    return valid;
}

static bool apply_title(const struct config_row *row, struct buffer *error) {
    if (!set_proc_title) return true;
    struct buffer title = {0};
    struct bytes rest = bytes_of(template), piece;
    int variable;
    while (rest.len && next_piece(&rest, &piece, &variable)) {
        buffer_append_bytes(&title, piece);
        if (variable >= 0) variables[variable].put(&title);
    }
    while (title.len && title.data[title.len - 1] == ' ')
        title.len--;
    process_set_title(buffer_bytes(&title));
    buffer_free(&title);
    return true;
}

static const struct config_row rows[] = {
    {.name = "set-proc-title",
     .type = CONFIG_BOOL,
     .flags = CONFIG_IMMUTABLE,
     .value = &set_proc_title,
     .initial = "yes"},
    {.name = "proc-title-template",
     .type = CONFIG_TEXT,
     .value = &template,
     .initial = "{title} {listen-addr} {server-mode}",
     .check = check_template,
     .apply = apply_title},
    {.name = NULL},
};

void title_register(void) {
    config_register(rows);
}
