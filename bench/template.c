/* SPDX-License-Identifier: BSD-3-Clause */
#include "template.h"
#include "data.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 64, COMMANDS_MAX = 8, WORD_MAX = 256, VALUE_MAX = 32 };

struct command {
    unsigned words;
    char *word[WORDS_MAX];
    uint64_t turn;
};

struct template {
    char *text;
    unsigned commands, next;
    struct command command[COMMANDS_MAX];
};

/* What placeholders stand for in one request. */
struct values {
    uint64_t index, turn;
    uint64_t (*any)(void *context);
    void *context;
    uint64_t last; /* that `any` gave */
};

/* A share of a whole, as a function of `seed`. */
static double share(uint64_t seed) {
    return (double)(data_hash(seed) >> 11) / 9007199254740992.0;
}

enum placeholder { KEY, HASH, SCORE, LONGITUDE, LATITUDE, ANY, END, TURN, PLACEHOLDERS };

static const char *const placeholders[] = {"key", "hash", "score", "lon",
                                           "lat", "any",  "end",   "turn"};

static enum placeholder find_placeholder(const char *name, size_t length) {
    unsigned i = 0;
    while (i < PLACEHOLDERS &&
           (strlen(placeholders[i]) != length || memcmp(placeholders[i], name, length)))
        i++;
    return (enum placeholder)i;
}

/* Writes what the placeholder stands for; -1: it is none. */
static int write_value(enum placeholder placeholder, struct values *v, char *out) {
    switch (placeholder) {
    case KEY: return snprintf(out, VALUE_MAX, "%012llu", (unsigned long long)v->index);
    case HASH: return snprintf(out, VALUE_MAX, "%016llx", (unsigned long long)data_hash(v->index));
    case SCORE: return snprintf(out, VALUE_MAX, "%.3f", share(v->index ^ 0x73636f7265) * 1e6);
    case LONGITUDE: return snprintf(out, VALUE_MAX, "%.6f", share(v->index ^ 0x6c6f6e) * 360 - 180);
    case LATITUDE: return snprintf(out, VALUE_MAX, "%.6f", share(v->index ^ 0x6c6174) * 170 - 85);
    case ANY:
        v->last = v->any(v->context);
        return snprintf(out, VALUE_MAX, "%llu", (unsigned long long)v->last);
    case END: return snprintf(out, VALUE_MAX, "%llu", (unsigned long long)v->last + 99);
    case TURN: return snprintf(out, VALUE_MAX, "%llu", (unsigned long long)v->turn);
    case PLACEHOLDERS: break;
    }
    return -1;
}

/* The word with its placeholders filled in; its length, -1: one of them is unknown. */
static int write_word(const char *word, struct values *values, char out[WORD_MAX]) {
    int size = 0;
    while (*word && size < WORD_MAX - VALUE_MAX) {
        const char *end = *word == '{' ? strchr(word, '}') : NULL;
        if (!end) {
            out[size++] = *word++;
            continue;
        }
        enum placeholder found = find_placeholder(word + 1, (size_t)(end - word - 1));
        int written = write_value(found, values, out + size);
        if (written < 0) return -1;
        size += written;
        word = end + 1;
    }
    return size;
}

static uint64_t no_number(void *context) {
    (void)context;
    return 0;
}

static bool is_known(const struct template *template) {
    char out[WORD_MAX];
    struct values values = {.any = no_number};
    for (unsigned i = 0; i < template->commands; i++)
        for (unsigned j = 0; j < template->command[i].words; j++)
            if (write_word(template->command[i].word[j], &values, out) < 0) return false;
    return true;
}

struct template *template_create(const char *text) {
    struct template *template = calloc(1, sizeof *template);
    if (!template || !(template->text = strdup(text))) {
        fputs("load: out of memory\n", stderr);
        exit(2);
    }
    char *rest = template->text, *word;
    template->commands = 1;
    while ((word = strsep(&rest, " "))) {
        struct command *command = &template->command[template->commands - 1];
        if (!strcmp(word, ";") && template->commands < COMMANDS_MAX)
            template->commands++;
        else if (*word && command->words < WORDS_MAX)
            command->word[command->words++] = word;
    }
    if (is_known(template)) return template;
    template_free(template);
    return NULL;
}

void template_free(struct template *template) {
    if (!template) return;
    free(template->text);
    free(template);
}

size_t template_write(struct template *template, uint64_t index, uint64_t (*any)(void *context),
                      void *context, char out[TEMPLATE_REQUEST_MAX]) {
    struct command *command = &template->command[template->next];
    struct values values = {index, ++command->turn, any, context, 0};
    template->next = (template->next + 1) % template->commands;
    char *at = out + snprintf(out, VALUE_MAX, "*%u\r\n", command->words), word[WORD_MAX];
    for (unsigned i = 0; i < command->words; i++) {
        int size = write_word(command->word[i], &values, word);
        if (at - out + size + VALUE_MAX > TEMPLATE_REQUEST_MAX) break;
        at += snprintf(at, VALUE_MAX, "$%d\r\n", size);
        memcpy(at, word, (size_t)size);
        at += size;
        memcpy(at, "\r\n", 2);
        at += 2;
    }
    return (size_t)(at - out);
}
