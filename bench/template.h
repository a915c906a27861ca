/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests made from a text: words with spaces between, and in them placeholders that follow from
 * the number of a key, or are random:
 *
 *   {key}          the number, 12 digits
 *   {hash}         16 hexadecimal digits that follow from it
 *   {score}        a number that does
 *   {lon} {lat}    a place that does
 *   {any}          a random number of a key, another one each time
 *   {end}          the last {any} and 99 more
 *   {turn}         how often this command has been made, from 1 on
 *
 * " ; " separates several commands, which take turns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct template;

/* NULL: a placeholder that there is not. Ends the program when memory is short. */
struct template *template_create(const char *text);
void template_free(struct template *template);

/* Writes the next command as a request; any(context) gives random numbers. Returns its size. */
#define TEMPLATE_REQUEST_MAX 4096
size_t template_write(struct template *template, uint64_t index, uint64_t (*any)(void *context),
                      void *context, char out[TEMPLATE_REQUEST_MAX]);
