/* SPDX-License-Identifier: BSD-3-Clause */
#include "sys/openssl.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <string.h>

const char *openssl_error(void) {
    unsigned long code = ERR_peek_error();
    return ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
}

static int give_password(char *out, int size, int is_for_writing, void *text) {
    const char *password = text;
    size_t length = password ? strlen(password) : 0;
    if (is_for_writing || length > (size_t)size) return -1;
    memcpy(out, password, length);
    return (int)length;
}

void openssl_set_password(struct ssl_ctx_st *context, const char *password) {
    SSL_CTX_set_default_passwd_cb(context, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)password);
}
