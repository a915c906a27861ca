/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

/* What both ends of TLS need of OpenSSL. */

struct ssl_ctx_st;

/* Why the thread's last call of OpenSSL has failed, for people; NULL: it does not say. Who has
 * asked empties the queue of errors (ERR_clear_error). */
const char *openssl_error(void);

/* The password of key files that are read from now on; without it OpenSSL would ask on the
 * terminal. It is borrowed: NULL, when they have been read, takes it back. */
void openssl_set_password(struct ssl_ctx_st *context, const char *password);
