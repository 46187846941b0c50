/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * address - addresses as people write them, and as lana/address.h lays them out
 */
#ifndef LOADER_ADDRESS_H
#define LOADER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum address_kind { ADDRESS_NONE, ADDRESS_IP4, ADDRESS_IP6, ADDRESS_MAC };

#define ADDRESS_MAX 16 /* bytes of one */

/* The kind that a struct of that name and size is. */
enum address_kind address_kind(const char *struct_name, size_t size);

/* What it is called in messages: "an IPv4 address". */
const char *address_noun(enum address_kind kind);

/* Write the address to bytes, aligned or not; false: it is none, and nothing is written. */
bool address_parse(enum address_kind kind, const char *text, void *bytes);

/* Write the text as address_parse() takes it. */
void address_format(enum address_kind kind, const void *bytes, char *text, size_t size);

#endif
