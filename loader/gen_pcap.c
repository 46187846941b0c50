// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_pcap - read the frames of a capture file (pcap or pcapng), and when they came
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "error.h"
#include "gen_plan.h"

#define HEADER 14 /* bytes of the shortest frame that XDP makes */

/* Offsets into a map's value have 29 bits in the verifier's eyes. */
#define RECORDS_MAX   (1U << 28)

#define ALIGNED(size) (((size) + 7) & ~7U)

struct reading {
	struct gen_plan *plan;
	size_t room, last;   /* last: offset of the last record */
	__u64 first, before; /* times, ns */
	double speed;
	__u64 bytes;
};

static int grow(struct reading *r, size_t more)
{
	size_t room = r->room ?: 1 << 16;
	void *grown;

	while (room < r->plan->records_size + more)
		room *= 2;
	if (room == r->room)
		return 0;
	grown = realloc(r->plan->records, room);
	if (!grown)
		return -ENOMEM;
	r->plan->records = grown;
	r->room = room;
	return 0;
}

static int add(struct reading *r, const struct pcap_pkthdr *header, const __u8 *bytes, __u64 time)
{
	struct gen_plan *plan = r->plan;
	__u32 step = sizeof(struct gen_record) + ALIGNED(header->caplen);
	struct gen_record record = { .size = header->caplen };

	if (plan->records_size + step > RECORDS_MAX)
		return -EFBIG;
	if (grow(r, step))
		return -ENOMEM;
	if (!plan->records_count)
		r->first = r->before = time;
	/* Clocks are set back at times. */
	r->before = time > r->before ? time : r->before;
	record.when = (r->before - r->first) / r->speed * (1 << GEN_TICK_SHIFT);
	if (plan->records_count)
		((struct gen_record *)(plan->records + r->last))->step =
			plan->records_size - r->last;
	memset(plan->records + plan->records_size, 0, step);
	memcpy(plan->records + plan->records_size, &record, sizeof(record));
	memcpy(plan->records + plan->records_size + sizeof(record), bytes, header->caplen);
	r->last = plan->records_size;
	plan->records_size += step;
	plan->records_count++;
	r->bytes += header->caplen;
	if (header->caplen > plan->size_max)
		plan->size_max = header->caplen;
	return 0;
}

static int check(const char *path, const struct pcap_pkthdr *header, __u64 number,
		 struct lana_error *error)
{
	if (header->caplen < header->len)
		return refuse(error, -EINVAL, "%s: frame %llu was cut to %u of its %u bytes", path,
			      (unsigned long long)number, header->caplen, header->len);
	if (header->caplen < HEADER || header->caplen > GEN_SIZE_MAX)
		return refuse(error, -EINVAL, "%s: frame %llu has %u bytes: %d to %d can be sent",
			      path, (unsigned long long)number, header->caplen, HEADER,
			      GEN_SIZE_MAX);
	return 0;
}

static int read_all(pcap_t *pcap, const char *path, struct reading *r, struct lana_error *error)
{
	struct gen_plan *plan = r->plan;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	int more, err = 0;

	if (pcap_datalink(pcap) != DLT_EN10MB)
		return refuse(error, -EINVAL, "%s: frames of type %s, and not of Ethernet", path,
			      pcap_datalink_val_to_name(pcap_datalink(pcap)) ?: "unknown");
	while (!err && (more = pcap_next_ex(pcap, &header, &bytes)) == 1) {
		err = check(path, header, plan->records_count + 1, error);
		if (err)
			return err;
		err = add(r, header, bytes, header->ts.tv_sec * 1000000000ULL + header->ts.tv_usec);
	}
	if (err == -EFBIG)
		return refuse(error, err, "%s: more than %u MB of frames", path, RECORDS_MAX >> 20);
	if (err)
		return refuse(error, err, "out of memory");
	if (more != PCAP_ERROR_BREAK)
		return refuse(error, -EINVAL, "%s: %s", path, pcap_geterr(pcap));
	if (!plan->records_count)
		return refuse(error, -ENODATA, "%s: there are no frames in it", path);
	return 0;
}

int gen_pcap_read(const char *path, double speed, struct gen_plan *plan, struct lana_error *error)
{
	struct reading r = { .plan = plan, .speed = speed };
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	__u64 length;
	int err;

	if (!pcap) /* libpcap names the file if it cannot be opened, but not if it is none */
		return refuse(error, -EINVAL, "%s%s%s", strstr(why, path) ? "" : path,
			      strstr(why, path) ? "" : ": ", why);
	err = read_all(pcap, path, &r, error);
	pcap_close(pcap);
	if (err)
		return err;
	length = ((struct gen_record *)(plan->records + r.last))->when;
	/* The next round begins after a gap like those before. */
	plan->period = length + (plan->records_count > 1 ? length / (plan->records_count - 1) : 0);
	plan->size_mean = (double)r.bytes / plan->records_count;
	return 0;
}
