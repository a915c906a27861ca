/* SPDX-License-Identifier: BSD-3-Clause */
/* hiredis: the C client, in its synchronous form. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

int main(void) {
    redisContext *c = redisConnect("127.0.0.1", (int)strtoul(getenv("STRATA_PORT"), NULL, 10));
    check(c && !c->err, "connect");
    redisReply *r = redisCommand(c, "SET %b %b", "key\0with zero", (size_t)13, "v\0", (size_t)2);
    check(r->type == REDIS_REPLY_STATUS, "SET of binary data");
    freeReplyObject(r);
    r = redisCommand(c, "GET %b", "key\0with zero", (size_t)13);
    check(r->type == REDIS_REPLY_STRING && r->len == 2 && !memcmp(r->str, "v", 2), "GET of it");
    freeReplyObject(r);

    for (int i = 0; i < 10000; i++)
        redisAppendCommand(c, "RPUSH list %d", i);
    for (int i = 0; i < 10000; i++) {
        check(redisGetReply(c, (void **)&r) == REDIS_OK && r->integer == i + 1, "a pipeline");
        freeReplyObject(r);
    }
    r = redisCommand(c, "LRANGE list 0 -1");
    check(r->type == REDIS_REPLY_ARRAY && r->elements == 10000, "LRANGE");
    check(!strcmp(r->element[9999]->str, "9999"), "its last element");
    freeReplyObject(r);
    r = redisCommand(c, "INCR list");
    check(r->type == REDIS_REPLY_ERROR && !strncmp(r->str, "WRONGTYPE ", 10), "an error");
    freeReplyObject(r);
#ifdef REDIS_REPLY_MAP /* hiredis 1.0 */
    r = redisCommand(c, "HELLO 3");
    check(r->type == REDIS_REPLY_MAP, "HELLO 3");
    freeReplyObject(r);
#endif
    redisFree(c);
    puts("ok");
    return 0;
}
