/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a client is by the certificate that it has shown (tls-auth-clients-user). */
#pragma once

#include "exec/session.h"

/* Values of the directive. */
enum certificate_user { CERTIFICATE_USER_OFF, CERTIFICATE_USER_CN, CERTIFICATE_USER_URI };

/* Makes the session that was just opened the user whose name its certificate has, where that is
 * asked for and there is such a user; else it stays who it is. */
void session_trust_certificate(struct session *session);
