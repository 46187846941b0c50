// SPDX-License-Identifier: GPL-2.0-only
/*
 * classic_expr - filters from expressions, by libpcap
 *
 * On its own, since libpcap's struct bpf_insn is another one than the kernel's.
 */
#include <errno.h>
#include <string.h>

#include <pcap/pcap.h>

#include "classic.h"
#include "cleanup.h"
#include "error.h"

/*
 * A program that is linked statically gets no libpcap for our sake, which would want more
 * libraries than there are static ones: it works, without expressions.
 */
#pragma weak pcap_close
#pragma weak pcap_compile
#pragma weak pcap_freecode
#pragma weak pcap_geterr
#pragma weak pcap_open_dead

static void pcap_close_p(pcap_t **pcap)
{
	if (*pcap)
		pcap_close(*pcap);
}

static void program_free(struct bpf_program *program)
{
	if (program->bf_insns)
		pcap_freecode(program);
}

static int copy(const struct bpf_program *program, struct classic *filter, struct lana_error *error)
{
	struct classic copied = { .count = program->bf_len };

	if (copied.count > CLASSIC_MAX)
		return refuse(error, -E2BIG,
			      "the filter takes %u instructions, a filter has %d at most",
			      copied.count, CLASSIC_MAX);
	for (__u32 i = 0; i < copied.count; i++) {
		const struct bpf_insn *insn = &program->bf_insns[i];

		copied.insns[i] = (struct sock_filter){ insn->code, insn->jt, insn->jf, insn->k };
	}
	*filter = copied;
	return 0;
}

/*
 * Bytes of an expression. libpcap's optimizer takes seconds over 200 ports, and a minute over 500;
 * the longest programs that a filter may be come from less.
 */
#define EXPRESSION_MAX 4096

int classic_compile(const char *expression, struct classic *filter, struct lana_error *error)
{
	_cleanup_(pcap_close_p) pcap_t *pcap = NULL;
	_cleanup_(program_free) struct bpf_program program = {};
	struct classic compiled;
	int err;

	if (!expression || !expression[strspn(expression, " \t\n")]) {
		filter->count = 0;
		return 0;
	}
	if (strlen(expression) > EXPRESSION_MAX)
		return refuse(error, -E2BIG, "an expression has %d bytes at most, not %zu",
			      EXPRESSION_MAX, strlen(expression));
	if (!pcap_compile)
		return refuse(error, -ENOTSUP,
			      "this program is linked without libpcap, which "
			      "compiles expressions");
	pcap = pcap_open_dead(DLT_EN10MB, CLASSIC_ALL);
	if (!pcap)
		return refuse(error, -ENOMEM, "out of memory");
	if (pcap_compile(pcap, &program, expression, 1, PCAP_NETMASK_UNKNOWN))
		return refuse(error, -EINVAL, "filter '%.200s%s': %s", expression,
			      strlen(expression) > 200 ? "..." : "", pcap_geterr(pcap));

	err = copy(&program, &compiled, error);
	if (!err)
		err = classic_check_any(&compiled, error); /* protochain jumps backward */
	if (!err)
		*filter = compiled;
	return err;
}
