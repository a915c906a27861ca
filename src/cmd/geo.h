/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the commands on places. */
#pragma once

#include "exec/call.h"
#include "value/geo.h"

void geo_geoadd(struct call *call);
void geo_geodist(struct call *call);
void geo_geohash(struct call *call);
void geo_geopos(struct call *call);
void geo_georadius(struct call *call);
void geo_georadius_ro(struct call *call);
void geo_georadiusbymember(struct call *call);
void geo_georadiusbymember_ro(struct call *call);
void geo_geosearch(struct call *call);
void geo_geosearchstore(struct call *call);

/* The keys of GEORADIUS and GEORADIUSBYMEMBER: of several STOREs the last counts. */
int geo_find_keys(const struct bytes *argv, unsigned argc, unsigned *positions, unsigned capacity);

/* Parses longitude and latitude at argv[at] and behind it, or a unit. False: they are none, and
 * that has been answered. */
bool geo_parse_point(struct call *call, unsigned at, struct geo_point *point);
bool geo_parse_unit(struct call *call, unsigned at, double *metres);

void geo_reply_distance(struct reply *reply, double distance);
void geo_reply_point(struct reply *reply, struct geo_point point);
