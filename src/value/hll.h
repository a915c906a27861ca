/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HyperLogLogs: strings that estimate how many different elements they have been shown.
 *
 * The first 14 bits of an element's hash choose a register, which keeps the longest run of zero
 * bits, plus one, that the rest of a hash began with (Flajolet, Fusy, Gandouet, Meunier,
 * "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007). The
 * estimate is Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches", 2017).
 *
 * The bytes are those of Redis and Valkey, so that strings can be exchanged:
 *
 *     4  "HYLL"
 *     1  0 = dense, 1 = sparse
 *     3  unused
 *     8  the last estimate, little-endian; its top bit says that it no longer holds
 *     dense:  16384 registers of 6 bits, from the low bits of the first byte on
 *     sparse: runs of equal registers
 *         00nnnnnn            n + 1 registers are 0
 *         01nnnnnn nnnnnnnn   n + 1 registers are 0, the high bits of n first
 *         1vvvvvnn            n + 1 registers are v + 1
 *
 * A sparse one becomes dense when a register passes 32 or its string passes a limit, and never
 * sparse again. hll_is_fit() has been asked of every string that the other functions get; a sparse
 * one may be corrupt all the same, and that is found where it is read.
 */
#pragma once

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

#define HLL_BITS       14
#define HLL_REGISTERS  (1u << HLL_BITS)
#define HLL_HEADER     16u
#define HLL_DENSE_SIZE (HLL_HEADER + HLL_REGISTERS * 6 / 8)
#define HLL_CACHE      8u /* where the last estimate lies */
#define HLL_CACHE_SIZE 8u

enum hll_outcome { HLL_SAME, HLL_CHANGED, HLL_CORRUPT, HLL_NO_MEMORY };

/* Which register an element belongs to, and what that has to be at least. */
struct hll_mark {
    uint32_t index;
    uint8_t value;
};

struct hll_mark hll_mark_of(struct bytes element);

/* Has it the header and, if dense, the size of a HyperLogLog? */
bool hll_is_fit(struct bytes hll);
bool hll_is_dense(struct bytes hll);

/* Makes the buffer an empty HyperLogLog. False: no memory. */
bool hll_init(struct buffer *hll);

/* The buffer holds a HyperLogLog: raises a register to the mark. The cached estimate stays: who
 * changed anything calls hll_drop_cache. A sparse one may grow to `sparse_max` bytes. */
enum hll_outcome hll_raise(struct buffer *hll, struct hll_mark mark, uint64_t sparse_max);
void hll_drop_cache(struct buffer *hll);

/* Where raising a register of a dense one takes place: *bytes of it from the result on become those
 * of `piece`. 0 = the register is as high already. */
size_t hll_dense_piece(struct bytes hll, struct hll_mark mark, uint8_t piece[2], size_t *bytes);

/* Makes a sparse one dense; HLL_SAME: it is. */
enum hll_outcome hll_make_dense(struct buffer *hll);

/* Raises registers to those of a HyperLogLog. False: it is corrupt. */
bool hll_merge(uint8_t registers[HLL_REGISTERS], struct bytes hll);

/* Writes all registers of a dense one. */
void hll_set_dense(struct buffer *hll, const uint8_t registers[HLL_REGISTERS]);

/* ---- estimates ---- */

/* The cached estimate; false: it no longer holds. */
bool hll_cached(struct bytes hll, uint64_t *count);
void hll_write_cache(uint8_t cache[HLL_CACHE_SIZE], uint64_t count);

/* False: it is corrupt. */
bool hll_count(struct bytes hll, uint64_t *count);
uint64_t hll_count_registers(const uint8_t registers[HLL_REGISTERS]);

/* ---- for people ---- */

/* A sparse one's runs as text, "Z:16384" or "z:3 v:2,1 Z:16380". */
bool hll_describe(struct bytes hll, struct buffer *out);
