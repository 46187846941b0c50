/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lana/gen.h - make traffic, and check how it arrives
 *
 * Functions return 0 or a negative errno, leave their outputs untouched on failure, and say in a
 * struct lana_error what was refused and why. One thread at a time may use a generator or a sink.
 */
#ifndef LANA_GEN_H
#define LANA_GEN_H

#include <lana/stack.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- generator ---------------------------------------------------------------------------- */

/* How frames get to where they go. */
enum lana_gen_way {
	LANA_GEN_LIVE,	 /* XDP frames made in the kernel (BPF_F_TEST_XDP_LIVE_FRAMES) */
	LANA_GEN_SOCKET, /* a packet socket */
};

/* What is sent, and where to. Zero is the default everywhere, or as is said. */
struct lana_gen_options {
	/* One of: a device, in network namespace netns (NULL: the caller's); a block of a stack. */
	const char *device, *netns;
	struct lana_stack *stack; /* stays open for as long as the generator */
	const char *block;	  /* its name or IDP: frames enter it on ingress, as from a hook */

	/* One of: a text in the language of docs/gen.md; a capture file. Neither: a UDP packet. */
	const char *packet;
	size_t packet_size;
	const char *packet_name; /* for messages; NULL: "packet" */
	const char *pcap;	 /* its path */
	/* "imix", "rfc2544", or the size of frames with their check sequence; NULL: as they are */
	const char *profile;

	/* "10kpps", "100mbit"; "max": as fast as it goes; NULL: that, or the file's timing */
	const char *rate;
	double speed;	 /* of a file's timing: 2 is twice as fast; 0: 1 */
	uint64_t count;	 /* frames; 0: until stopped; of a file without time: once */
	uint64_t time;	 /* nanoseconds; 0: until stopped */
	uint32_t cpus;	 /* that send, each the whole of it; 0: 1 */
	bool stamp;	 /* put a stamp into each payload: lana/stamp.h */
	uint16_t stream; /* of the stamps; CPU n sends stream + n */
	uint64_t seed;	 /* of random fields: the same one gives the same frames again */
};

struct lana_gen;

/*
 * Check and prepare everything. Nothing is sent as yet. -EINVAL: the text, and where; -ENODEV;
 * -EOPNOTSUPP: the kernel or the device cannot.
 */
int lana_gen_open(const struct lana_gen_options *options, struct lana_gen **gen,
		  struct lana_error *error);
void lana_gen_close(struct lana_gen *gen);

/*
 * Send, in threads of their own, one a CPU. SIGURG is sent to these: if the process has no handler
 * for it, it gets one that does nothing.
 */
int lana_gen_start(struct lana_gen *gen, struct lana_error *error);

/* Wait until all is sent. -EAGAIN: not after so many milliseconds. -ENODEV: the device has gone. */
int lana_gen_wait(struct lana_gen *gen, int timeout_ms, struct lana_error *error);

/* Stop sending, and wait until nothing is sent any more. As lana_gen_wait(). */
int lana_gen_stop(struct lana_gen *gen, struct lana_error *error);

struct lana_gen_report {
	enum lana_gen_way way;
	const char *why;    /* of a packet socket; NULL: it was the best way */
	uint64_t sent;	    /* frames that were made, less refused */
	uint64_t bytes;	    /* of these, without check sequences */
	uint64_t refused;   /* frames that the device did not take */
	bool refused_known; /* false: the device does not tell */
	uint64_t late;	    /* frames that left more than 20 us after they were due */
	double seconds;	    /* from the first one to the last */
	double asked;	    /* frames a second; 0: as many as possible, or a file's timing */
	double asked_bits;  /* the same in bits; 0: the rate was in frames */
	bool rate_kept;	    /* of what was asked, at least 99% but for a frame a CPU was sent */
};

void lana_gen_report(const struct lana_gen *gen, struct lana_gen_report *report);

/* ---- sink --------------------------------------------------------------------------------- */

struct lana_sink_options {
	const char *device, *netns; /* netns as for a generator */
	bool running; /* streams began before: numbers below the first that came are not lost */
};

struct lana_sink;

/*
 * Take stamped packets (lana/stamp.h) out of what a device receives, and check them, until the
 * sink is closed or the process ends. All other packets go on to the kernel. An XDP program in the
 * driver does it, or else, if the device has one already, a program at tcx (kernel 6.6), or else
 * generic XDP. -ENODEV, -EPERM, -EBUSY: there is no place left.
 */
int lana_sink_open(const struct lana_sink_options *options, struct lana_sink **sink,
		   struct lana_error *error);
void lana_sink_close(struct lana_sink *sink);

/* Buckets of delays: values below 16 ns each have one, then there are 16 for each power of two. */
#define LANA_DELAY_BUCKETS 592

/* The least delay of a bucket, ns; that of the next one is its end. */
uint64_t lana_delay_bucket(uint32_t bucket);

/* What came of a stream. Its numbers are those from 0 to the highest that came. */
struct lana_sink_stream {
	uint16_t run, stream;
	uint64_t received;   /* packets */
	uint64_t bytes;	     /* of these, without check sequences */
	uint64_t lost;	     /* numbers that never came (RFC 7680, as soon as a higher one came) */
	uint64_t duplicated; /* packets with a number that had come already (RFC 5560) */
	uint64_t reordered;  /* first of their number, but after a higher one (RFC 4737, 3.3) */
	uint64_t old; /* a million numbers behind: which of these is not known, so lost too */
	uint64_t lowest, highest; /* numbers */
	double seconds;		  /* from the first packet to the last */
	/* ns, of all packets; from bucket to bucket 1/16 wide: min, max and mean are exact */
	uint64_t delay_min, delay_p50, delay_p99, delay_max;
	double delay_mean;
	uint64_t delays[LANA_DELAY_BUCKETS];
};

struct lana_sink_report {
	const char *hook;   /* "xdp", "tcx", "skb" */
	uint64_t stamped;   /* packets of all streams, those that were not checked included */
	uint64_t unchecked; /* stamped, of streams beyond the 64th */
	uint64_t others;    /* not stamped: the kernel has them */
	size_t streams_count;
	struct lana_sink_stream *streams; /* by run and stream; the caller frees it */
};

/* What has come so far. -ENODEV: the device has gone, and the report is the last one. */
int lana_sink_report(const struct lana_sink *sink, struct lana_sink_report *report,
		     struct lana_error *error);

#ifdef __cplusplus
}
#endif

#endif
