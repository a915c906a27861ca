/* SPDX-License-Identifier: BSD-3-Clause */
/* LOLWUT: a cut through the ground that the server is named after. */
#include "base/identity.h"
#include "base/number.h"
#include "base/random.h"
#include "cmd/server.h"
#include "sys/clock.h"
#include <math.h>

#define LAYERS      6
#define COLUMNS_MAX 1000
#define ROWS_MAX    1000

/* What a layer is drawn with; the first is the sky. */
static const char *const textures[LAYERS] = {
    "                        ", "\"'\"\"'\"\",\"'", ".  . , .   .  ' .  ,   .", "~-~~--~-~~~-~",
    "o. o O.o  .oO o.",         "#=##=###=#=##",
};

struct landscape {
    int64_t columns, rows;
    int64_t fault, drop; /* right of this column, the ground has slipped by so many rows */
    double phase[LAYERS], wave[LAYERS];
    struct random random;
};

/* Where the layer begins, in rows from the top. */
static double surface(const struct landscape *land, unsigned layer, int64_t column) {
    if (layer == 0) return 0;
    double rows = (double)land->rows;
    double top = rows * (0.18 + 0.82 * (double)(layer - 1) / (LAYERS - 1));
    if (layer == 2) top -= rows * 0.82 / (LAYERS - 1) - 1; /* the grass is one row thick */
    double swing = rows / 12 * sin(land->phase[layer] + (double)column * land->wave[layer]);
    if (layer <= 2) swing = rows / 12 * sin(land->phase[1] + (double)column * land->wave[1]);
    return top + swing + (column > land->fault ? (double)land->drop : 0);
}

static char ground_at(struct landscape *land, int64_t row, int64_t column) {
    unsigned layer = LAYERS - 1;
    while (layer > 0 && (double)row < surface(land, layer, column))
        layer--;
    if (layer >= 2 && random_below(&land->random, 400) == 0) return '@'; /* a fossil */
    if (layer > 0 && column == land->fault) return '\\';
    const char *texture = textures[layer];
    return texture[(size_t)(column + row * 7) % strlen(texture)];
}

static void draw(struct landscape *land, struct buffer *out) {
    for (int64_t row = 0; row < land->rows; row++) {
        for (int64_t column = 0; column < land->columns; column++)
            buffer_append_char(out, ground_at(land, row, column));
        buffer_append_char(out, '\n');
    }
}

static void shape(struct landscape *land) {
    random_seed(&land->random, (uint64_t)clock_wall_us());
    land->fault = (int64_t)random_below(&land->random, (uint64_t)land->columns);
    land->drop = (int64_t)random_below(&land->random, (uint64_t)land->rows / 6 + 1);
    for (unsigned i = 0; i < LAYERS; i++) {
        land->phase[i] = 6.28 * random_double(&land->random);
        land->wave[i] = 0.05 + 0.1 * random_double(&land->random);
    }
}

static int64_t clamp(int64_t n, int64_t most) {
    return n < 1 ? 1 : MIN(n, most);
}

/* [VERSION version] [columns rows ...]; what other servers take after these is ignored. */
static bool parse(struct call *call, struct landscape *land) {
    unsigned i = 1;
    if (call->argc > 2 && bytes_is(call->argv[1], "version")) {
        int64_t version;
        if (!number_parse_i64(call->argv[2], &version)) {
            reply_not_integer(call->reply);
            return false;
        }
        i = 3;
    }
    if (i < call->argc && !number_parse_i64(call->argv[i], &land->columns)) goto usage;
    if (i + 1 < call->argc && !number_parse_i64(call->argv[i + 1], &land->rows)) goto usage;
    land->columns = clamp(land->columns, COLUMNS_MAX);
    land->rows = clamp(land->rows, ROWS_MAX);
    return true;
usage:
    reply_error(call->reply, "ERR Syntax error. Use: LOLWUT [VERSION version] [columns rows]");
    return false;
}

void server_lolwut(struct call *call) {
    struct landscape land = {.columns = 66, .rows = 18};
    if (!parse(call, &land)) return;
    shape(&land);
    struct buffer out = {0};
    draw(&land, &out);
    buffer_printf(&out, "\nStrata ver. " STRATA_VERSION "\n");
    reply_verbatim(call->reply, "txt", buffer_bytes(&out));
    buffer_free(&out);
}
