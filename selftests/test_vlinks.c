// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_vlinks - frames of tagged links, byte by byte
 *
 *	  left                     right
 *	+------------------+     +------------------+
 *	| v7 ══▶ l0 -------|-----|---- r0 ══▶ v7    |
 *	+------------------+     +------------------+
 *
 * Frames of every size and of all kinds of types, VLAN tags before others among them, are sent by
 * v7 of the left: seen at r0 they have the link's tag, at v7 of the right they are as they were.
 * Then both programs are run on random and truncated frames: what is the link's is led there
 * without its tag, and all else goes on as it is. VLINKS_SEED repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <lana/lana.h>

#include "tap.h"
#include "topology.h"

#define ID	    7
#define TAG	    (LANA_VLINK_TYPE | ID)
#define ADDRESSES   12
#define MTU	    1498
#define FRAME_MAX   2048
#define VLAN_MIN    (ETH_HLEN + 6) /* what a kernel receives with a VLAN tag */
#define TCX_INGRESS 46
#define FUZZ_RUNS   20000

struct frame {
	uint8_t bytes[FRAME_MAX];
	size_t size;
};

static unsigned int seed;

static uint32_t chance(uint32_t below)
{
	return ((uint32_t)rand_r(&seed) << 15 ^ (uint32_t)rand_r(&seed)) % below;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* Random bytes of that many, of that type if there is room for it. */
static void fill(struct frame *frame, size_t size, uint16_t type)
{
	for (size_t i = 0; i < size; i++)
		frame->bytes[i] = chance(256);
	frame->bytes[0] = 0x02;
	frame->bytes[6] = 0x02;
	frame->size = size;
	if (size >= ETH_HLEN)
		put16(&frame->bytes[ADDRESSES], type);
}

/* The same with so many bytes put in, or (negative) taken out behind the addresses. */
static struct frame moved(const struct frame *frame, int by)
{
	struct frame result = { .size = frame->size + by };

	memcpy(result.bytes, frame->bytes, ADDRESSES);
	memcpy(&result.bytes[ADDRESSES + (by > 0 ? by : 0)],
	       &frame->bytes[ADDRESSES - (by < 0 ? by : 0)],
	       frame->size - ADDRESSES + (by < 0 ? by : 0));
	return result;
}

static struct frame tagged(const struct frame *frame, uint16_t tag)
{
	struct frame result = moved(frame, 2);

	put16(&result.bytes[ADDRESSES], tag);
	return result;
}

static bool same(const struct frame *a, const struct frame *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static bool is_vlan(uint16_t type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* One of the types that mean something to the kernel on the way, or any. */
static uint16_t some_type(void)
{
	static const uint16_t types[] = { ETH_P_IP,	ETH_P_IPV6,    ETH_P_ARP, ETH_P_8021Q,
					  ETH_P_8021AD, ETH_P_MPLS_UC, 0,	  40,
					  1500,		TAG,	       0xac08,	  0xffff };
	size_t count = sizeof(types) / sizeof(types[0]);
	uint32_t which = chance(2 * count);

	return which < count ? types[which] : chance(0x10000);
}

/* VLAN tags, one behind the other. */
static void stack_vlans(struct frame *frame, int count)
{
	for (int i = 0; i < count; i++) {
		put16(&frame->bytes[ADDRESSES + 4 * i], i % 2 ? ETH_P_8021AD : ETH_P_8021Q);
		put16(&frame->bytes[ADDRESSES + 4 * i + 2], chance(0x10000) | 1);
	}
	put16(&frame->bytes[ADDRESSES + 4 * count], ETH_P_IP);
}

/* ---- sockets -------------------------------------------------------------------------------- */

static int open_socket(const char *netns, const char *device, int protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(protocol),
				       .sll_ifindex = topology_ifindex(netns, device) };
	const struct timeval patience = { .tv_sec = 2 };
	int home = topology_enter(netns), one = 1, fd;

	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		tap_bail("no packet socket on %s: %s", device, strerror(errno));
	topology_leave(home);
	return fd;
}

/* Put the VLAN tag back that the kernel takes out of a frame. */
static void restore_vlan(struct frame *frame, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
			continue;
		*frame = moved(frame, 4);
		put16(&frame->bytes[ADDRESSES], aux.tp_vlan_tpid);
		put16(&frame->bytes[ADDRESSES + 2], aux.tp_vlan_tci);
	}
}

/* False: none came. */
static bool receive(int fd, struct frame *frame)
{
	struct iovec bytes = { frame->bytes, FRAME_MAX - 4 };
	uint8_t control[256];
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(fd, &message, 0);

	if (size < ADDRESSES)
		return false;
	frame->size = size;
	restore_vlan(frame, &message);
	return true;
}

/* The frame itself: the kernel of either namespace may send some of its own accord. */
static bool receive_it(int fd, const struct frame *wanted, const char *where)
{
	struct frame got;

	for (int i = 0; i < 100 && receive(fd, &got); i++)
		if (got.size >= ADDRESSES && !memcmp(got.bytes, wanted->bytes, ADDRESSES)) {
			if (same(&got, wanted))
				return true;
			tap_note("%s: %zu bytes instead of %zu, type %02x%02x %02x%02x", where,
				 got.size, wanted->size, got.bytes[12], got.bytes[13],
				 got.bytes[14], got.bytes[15]);
			return false;
		}
	tap_note("%s: nothing, of %zu bytes and type %02x%02x", where, wanted->size,
		 wanted->bytes[12], wanted->bytes[13]);
	return false;
}

struct sockets {
	int out, carrier, in;
};

static bool crosses(const struct sockets *sockets, const struct frame *frame)
{
	const struct frame on_carrier = tagged(frame, TAG);

	if (send(sockets->out, frame->bytes, frame->size, 0) != (ssize_t)frame->size) {
		tap_note("cannot send %zu bytes: %s", frame->size, strerror(errno));
		return false;
	}
	return receive_it(sockets->carrier, &on_carrier, "carrier") &&
	       receive_it(sockets->in, frame, "link");
}

static void test_frames(void)
{
	const struct sockets sockets = { open_socket("left", "v7", ETH_P_ALL),
					 open_socket("right", "r0", ETH_P_ALL),
					 open_socket("right", "v7", ETH_P_ALL) };
	unsigned int wrong = 0;
	struct frame frame;

	for (size_t size = ETH_HLEN; size <= ETH_HLEN + MTU; size++) {
		uint16_t type;

		do {
			type = some_type();
		} while (is_vlan(type) && size < VLAN_MIN);
		fill(&frame, size, type);
		wrong += !crosses(&sockets, &frame);
	}
	tap_is(wrong, 0, "frames of %d to %d bytes cross the link", ETH_HLEN, ETH_HLEN + MTU);

	for (int vlans = 1, count = wrong = 0; vlans <= 8; vlans++)
		for (count = 0; count < 20; count++) {
			fill(&frame, VLAN_MIN - 4 + 4 * vlans + chance(1000), 0);
			stack_vlans(&frame, vlans);
			wrong += !crosses(&sockets, &frame);
		}
	tap_is(wrong, 0, "and with 1 to 8 VLAN tags");
	close(sockets.out);
	close(sockets.carrier);
	close(sockets.in);
}

/* ---- programs ------------------------------------------------------------------------------- */

/* The first program at tc ingress of a device. */
static int program_at(const char *netns, const char *device)
{
	__u32 ids[8], count = 8, flags;
	int home = topology_enter(netns), fd = -1;

	if (!bpf_prog_query(topology_ifindex(netns, device), TCX_INGRESS, 0, &flags, ids, &count) &&
	    count)
		fd = bpf_prog_get_fd_by_id(ids[0]);
	topology_leave(home);
	return fd;
}

static int run(int program, const struct frame *in, struct frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes));
	int err = bpf_prog_test_run_opts(program, &options);

	if (err)
		tap_bail("test run of %zu bytes, type %02x%02x: %s", in->size, in->bytes[12],
			 in->bytes[13], strerror(-err));
	out->size = options.data_size_out;
	return options.retval;
}

/* As the kernel leaves a frame at tc: its first VLAN tag is not in it. */
static struct frame untagged(const struct frame *frame)
{
	uint16_t type = frame->bytes[ADDRESSES] << 8 | frame->bytes[ADDRESSES + 1];

	return is_vlan(type) && frame->size >= ETH_HLEN + 4 ? moved(frame, -4) : *frame;
}

/*
 * Some frame, the link's, another link's or none's, cut anywhere. The kernel runs programs on
 * frames of 15 bytes or more, and of IP only if the header is there.
 */
static void some_frame(struct frame *frame)
{
	struct frame inner;
	uint16_t type;
	size_t size = ETH_HLEN + 1 + (chance(4) ? chance(8) : chance(1900));

	fill(&inner, size, some_type());
	*frame =
		chance(4) ? tagged(&inner, chance(4) ? TAG : LANA_VLINK_TYPE | chance(256)) : inner;
	frame->size = ETH_HLEN + 1 + chance(frame->size - ETH_HLEN);
	type = frame->bytes[ADDRESSES] << 8 | frame->bytes[ADDRESSES + 1];
	if ((type == ETH_P_IP || type == ETH_P_IPV6) && frame->size < ETH_HLEN + 40)
		fill(frame, ETH_HLEN + 40, type);
}

static void test_pop(void)
{
	int program = program_at("right", "r0");
	unsigned int wrong = 0, led = 0;

	if (program < 0)
		tap_bail("no program at r0");
	for (int i = 0; i < FUZZ_RUNS; i++) {
		struct frame in, out, wanted;
		bool ours;
		int verdict;

		some_frame(&in);
		ours = in.size >= ETH_HLEN + 2 && in.bytes[12] == TAG >> 8 &&
		       in.bytes[13] == (TAG & 0xff);
		wanted = in;
		if (ours)
			wanted = moved(&in, -2);
		/* Too short for the VLAN tag that it says it has: the kernel can take none out. */
		if (ours && is_vlan(wanted.bytes[12] << 8 | wanted.bytes[13]) &&
		    wanted.size < ETH_HLEN + 4)
			continue;
		if (ours)
			wanted = untagged(&wanted);
		verdict = run(program, &in, &out);
		led += ours;
		if (verdict == (ours ? TC_ACT_REDIRECT : TC_ACT_UNSPEC) && same(&out, &wanted))
			continue;
		wrong++;
		tap_note("%zu bytes of %02x%02x %02x%02x: verdict %d, %zu bytes", in.size,
			 in.bytes[12], in.bytes[13], in.bytes[14], in.bytes[15], verdict, out.size);
	}
	tap_is(wrong, 0, "of %d random frames, the link's are led there, and others left alone",
	       FUZZ_RUNS);
	tap_ok(led > FUZZ_RUNS / 4, "%u were the link's", led);
	close(program);
}

static void test_push(void)
{
	char end[32];
	unsigned int wrong = 0;
	int program;

	snprintf(end, sizeof(end), ".ac%02x.%x", ID, topology_ifindex("left", "l0"));
	program = program_at("left", end);
	if (program < 0)
		tap_bail("no program at %s", end);
	for (int i = 0; i < FUZZ_RUNS; i++) {
		struct frame in, out, wanted;

		some_frame(&in);
		wanted = tagged(&in, TAG);
		if (run(program, &in, &out) == TC_ACT_REDIRECT && same(&out, &wanted))
			continue;
		wrong++;
		tap_note("%zu bytes of %02x%02x", in.size, in.bytes[12], in.bytes[13]);
	}
	tap_is(wrong, 0, "%d random frames get the tag", FUZZ_RUNS);
	close(program);
}

/* ------------------------------------------------------------------------------------------- */

static struct lana_stack *make_link(const char *netns, const char *carrier)
{
	const struct lana_stack_options options = {
		.name = netns, .bpffs = topology_bpffs(), .netns = netns, .create = true
	};
	struct lana_error error = {};
	struct lana_stack *stack;

	if (lana_stack_open(&options, &stack, &error) ||
	    lana_vlink_add(stack, "v7", carrier, ID, &error))
		tap_bail("%s", error.text);
	if (topology_run("ip -n %s link set dev v7 addrgenmode none up", netns))
		tap_bail("v7 does not come up");
	return stack;
}

int main(void)
{
	const char *wanted = getenv("VLINKS_SEED");
	struct lana_vlink_info *vlinks = NULL;
	struct lana_stack *left, *right;
	struct lana_error error = {};
	size_t count = 0;

	seed = wanted ? strtoul(wanted, NULL, 0) : (unsigned int)time(NULL);
	tap_note("VLINKS_SEED=%u", seed);
	topology_begin();
	topology_netns("left");
	topology_netns("right");
	topology_veth("left", "l0", "right", "r0");
	left = make_link("left", "l0");
	right = make_link("right", "r0");

	test_frames();
	test_pop();
	test_push();

	tap_ok(!lana_vlink_list(left, &vlinks, &count, &error) && count == 1 && !vlinks->lost,
	       "no frame was lost for want of memory");
	free(vlinks);
	tap_is(lana_vlink_add(left, "x", "l0", 256, &error), -ERANGE, "%s", error.text);
	tap_is(lana_vlink_add(left, "x", "l0", ID, &error), -EEXIST, "%s", error.text);
	tap_is(lana_vlink_add(left, "x", "l1", 1, &error), -ENODEV, "%s", error.text);
	tap_is(lana_vlink_add(left, "", "l0", 1, &error), -EINVAL, "%s", error.text);
	tap_is(lana_vlink_rm(left, "x", &error), -ENOENT, "%s", error.text);
	tap_ok(!lana_stack_flush(left, &error) && !lana_stack_flush(right, &error), "flush");
	tap_is(topology_run("ip -n left link show v7 2>/dev/null"), 1, "and the link has gone");
	lana_stack_close(left);
	lana_stack_close(right);
	return tap_done();
}
