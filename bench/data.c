/* SPDX-License-Identifier: BSD-3-Clause */
#include "data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UUID_SIZE = 36, PLAIN_KEY_SIZE = 16, JSON_KEY_SIZE = 50, VALUE_MAX = 512 };

/* The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
 */
uint64_t data_hash(uint64_t index) {
    uint64_t x = (index + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void data_init(struct data *data, enum data_kind kind, size_t plain_size) {
    data->kind = kind;
    data->plain_size = plain_size;
    data->plain = malloc(plain_size + 1);
    if (!data->plain) {
        fputs("load: out of memory\n", stderr);
        exit(2);
    }
    for (size_t i = 0; i < plain_size; i++)
        data->plain[i] = (char)('a' + data_hash(i) % 26);
}

void data_free(struct data *data) {
    free(data->plain);
}

size_t data_key_size(const struct data *data) {
    switch (data->kind) {
    case DATA_PLAIN: return PLAIN_KEY_SIZE;
    case DATA_UUID: return UUID_SIZE;
    case DATA_JSON: return JSON_KEY_SIZE;
    }
    return 0;
}

static void write_digits(uint64_t number, int digits, char *out) {
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

static void write_hex(uint64_t number, int digits, char *out) {
    for (int i = 0; i < digits; i++) {
        out[i] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
}

static void write_uuid(uint64_t index, char *out) {
    uint64_t high = data_hash(index), low = data_hash(index | 1ull << 63);
    write_hex(high, 8, out);
    out[8] = '-';
    write_hex(high >> 32, 4, out + 9);
    out[13] = '-';
    out[14] = '4';
    write_hex(high >> 48, 3, out + 15);
    out[18] = '-';
    out[19] = "89ab"[high >> 62];
    write_hex(low, 3, out + 20);
    out[23] = '-';
    write_hex(low >> 16, 12, out + 24);
}

void data_write_key(const struct data *data, uint64_t index, char *out) {
    switch (data->kind) {
    case DATA_PLAIN:
        memcpy(out, "key:", 4);
        write_digits(index, PLAIN_KEY_SIZE - 4, out + 4);
        return;
    case DATA_UUID: write_uuid(index, out); return;
    case DATA_JSON:
        memcpy(out, "shop:users:", 11);
        write_uuid(index, out + 11);
        memcpy(out + 11 + UUID_SIZE, ":v1", 3);
        return;
    }
}

/* Log-normal sizes, with the sum of four uniform numbers for the normal one. */
static size_t uuid_value_size(uint64_t hash) {
    const double median = 35, spread = 0.38;
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)((hash >> (16 * i)) & 0xffff) / 65536;
    double normal = (sum - 2) * sqrt(3);
    double size = median * exp(spread * normal);
    return size < 8 ? 8 : size > 120 ? 120 : (size_t)(size + 0.5);
}

static size_t uuid_value(uint64_t index, char *out) {
    static const char alphabet[64] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t hash = data_hash(index ^ 0x5bd1e995);
    size_t size = uuid_value_size(hash);
    for (size_t i = 0; i < size; i++) {
        if (i % 10 == 0) hash = data_hash(hash);
        out[i] = alphabet[(hash >> (6 * (i % 10))) & 63];
    }
    return size;
}

static const char *pick(const char *const *words, size_t count, uint64_t *hash) {
    *hash = data_hash(*hash);
    return words[*hash % count];
}

#define PICK(words, hash) pick(words, sizeof words / sizeof *words, hash)

static size_t json_value(uint64_t index, char *out) {
    static const char *const first[] = {"Anna",  "Bruno",   "Chidi", "Daria", "Elif",    "Farid",
                                        "Grace", "Hiroshi", "Inés",  "Jonas", "Kwame",   "Lea",
                                        "Mei",   "Nikolai", "Olga",  "Priya", "Quentin", "Rosa"};
    static const char *const last[] = {"Abe",     "Becker", "Castillo", "Diallo",  "Eriksson",
                                       "Ferrari", "Gupta",  "Hoffmann", "Ivanova", "Jensen",
                                       "Kim",     "Lopez",  "Moreau",   "Novak",   "Okafor"};
    static const char *const cities[] = {"Lisbon", "Osaka",  "Nairobi", "Montréal", "Kraków",
                                         "Lima",   "Austin", "Leipzig", "Pune",     "Wellington"};
    static const char *const plans[] = {"free", "starter", "team", "enterprise"};
    static const char *const tags[] = {"beta", "newsletter", "vip", "churn-risk", "mobile", "eu"};
    uint64_t hash = data_hash(index ^ 0x2545f491);
    const char *given = PICK(first, &hash), *family = PICK(last, &hash);
    uint64_t dice = data_hash(hash ^ 1);
    int size = snprintf(
        out, VALUE_MAX,
        "{\"id\":%u,\"name\":\"%s %s\",\"email\":\"%s.%u@example.org\",\"city\":\"%s\","
        "\"plan\":\"%s\",\"active\":%s,\"created\":\"202%u-%02u-%02uT%02u:%02u:%02uZ\","
        "\"balance\":%u.%02u,\"tags\":[\"%s\",\"%s\"]}",
        (unsigned)(dice % 9000000 + 1000000), given, family, family, (unsigned)(dice >> 40) % 10000,
        PICK(cities, &hash), PICK(plans, &hash), dice & 8 ? "true" : "false",
        (unsigned)(dice >> 8) % 6, (unsigned)(dice >> 12) % 12 + 1, (unsigned)(dice >> 16) % 28 + 1,
        (unsigned)(dice >> 20) % 24, (unsigned)(dice >> 24) % 60, (unsigned)(dice >> 28) % 60,
        (unsigned)(dice >> 32) % 5000, (unsigned)(dice >> 48) % 100, PICK(tags, &hash),
        PICK(tags, &hash));
    return (size_t)size;
}

size_t data_value(const struct data *data, uint64_t index, const char **value) {
    static char text[VALUE_MAX];
    *value = text;
    switch (data->kind) {
    case DATA_PLAIN: *value = data->plain; return data->plain_size;
    case DATA_UUID: return uuid_value(index, text);
    case DATA_JSON: return json_value(index, text);
    }
    return 0;
}
