// SPDX-License-Identifier: GPL-2.0-only
/*
 * asker - programs that ask a server for sockets, good ones and bad ones
 *
 *	asker PATH echo NAME [mtu N] [ring N]	send back what comes, until SIGTERM
 *	asker PATH ping NAME COUNT		send so many frames, each when the last one is back
 *	asker PATH garbage COUNT		so many connections that say anything but a request
 *	asker PATH cut NAME			a request, cut at each of its bytes
 *	asker PATH files NAME COUNT		requests with many descriptors, half of them cut
 *	asker PATH crowd COUNT			so many connections at a time, and nothing said
 *	asker PATH churn NAME			open and close a socket until that is refused
 *	asker PATH keep NAME			keep a socket, but not the connection
 *	asker PATH hoard NAME			the same with one after the other until that is
 *						refused; and then let go of one
 *	asker PATH users NAME COUNT		as root: ask for too much, as so many users in turn
 *	asker PATH deaf				listen there, take no connection, and be full
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <lana/socket.h>

#include "loader/serve_wire.h"
#include "loader/socket.h"

#define SECOND	   1000000000LL
#define FRAME_SIZE 64
#define FILES	   200

static const char *path;
static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static int usage(void)
{
	fputs("asker: see its source\n", stderr);
	return 2;
}

/* ---- good ones ----------------------------------------------------------------------------- */

static struct lana_socket *request(const char *name, const struct lana_socket_options *options)
{
	struct lana_error error = {};
	struct lana_socket *socket;
	int err = lana_socket_request(path, name, options, &socket, &error);

	if (err) {
		fprintf(stderr, "%s: %s\n", strerror(-err), error.text);
		exit(1);
	}
	printf("open %s, MTU %u\n", lana_socket_name(socket), lana_socket_mtu(socket));
	fflush(stdout);
	return socket;
}

static int run_echo(int argc, char **argv)
{
	struct lana_socket_options options = {};
	const struct sigaction action = { .sa_handler = end };
	struct lana_socket *socket;
	unsigned char frame[4096];

	for (int i = 4; i + 1 < argc; i += 2)
		*(!strcmp(argv[i], "mtu") ? &options.mtu : &options.receive_ring) =
			atoi(argv[i + 1]);
	sigaction(SIGTERM, &action, NULL);
	socket = request(argv[3], &options);
	while (!ended) {
		ssize_t size = lana_socket_recv(socket, frame, sizeof(frame), NULL, SECOND / 10);

		if (size > 0)
			lana_socket_send(socket, frame, size, SECOND);
		else if (size == -ENETDOWN)
			break;
	}
	lana_socket_close(socket);
	puts("closed");
	return 0;
}

static bool ping(struct lana_socket *socket, unsigned int number)
{
	unsigned char frame[FRAME_SIZE] = { 2, [6] = 2, [12] = 0x88, 0xb5 }, got[2048];

	memcpy(frame + 20, &number, sizeof(number));
	if (lana_socket_send(socket, frame, sizeof(frame), SECOND))
		return false;
	return lana_socket_recv(socket, got, sizeof(got), NULL, 2 * SECOND) == sizeof(frame) &&
	       !memcmp(frame, got, sizeof(frame));
}

static int run_ping(int argc, char **argv)
{
	struct lana_socket *socket = request(argv[3], NULL);
	unsigned int count = argc > 4 ? atoi(argv[4]) : 1, good = 0;

	for (unsigned int i = 0; i < count; i++)
		good += ping(socket, i);
	printf("%u of %u\n", good, count);
	lana_socket_close(socket);
	return good != count;
}

/* ---- bad ones ------------------------------------------------------------------------------ */

static int join(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0)
		return -1;
	if (connect(fd, (void *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Was that refused, within some seconds, with what words? */
static bool is_refused_so(int fd, char text[512])
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	struct serve_refusal refusal;

	/* ECONNRESET comes once, see serve_wire.h. */
	if (poll(&wanted, 1, 8000) != 1 ||
	    (recv(fd, &refusal, sizeof(refusal), 0) != sizeof(refusal) &&
	     recv(fd, &refusal, sizeof(refusal), 0) != sizeof(refusal)) ||
	    refusal.magic != SERVE_REFUSAL || refusal.error >= 0 ||
	    !memchr(refusal.text, 0, sizeof(refusal.text)))
		return false;
	strcpy(text, refusal.text);
	return true;
}

static bool is_refused(int fd)
{
	char text[512];

	return is_refused_so(fd, text);
}

static int run_garbage(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[3]) : 1, refused = 0;
	unsigned char bytes[4096];

	for (int i = 0; i < count; i++) {
		size_t size = 1 + random() % (i % 2 ? sizeof(struct serve_request) + 8 : 4096);
		int fd = join();

		for (size_t j = 0; j < size; j++)
			bytes[j] = random();
		if (i % 3)
			((struct serve_request *)bytes)->magic = SERVE_REQUEST;
		if (i % 3 == 2)
			((struct serve_request *)bytes)->version = SERVE_VERSION;
		send(fd, bytes, size, MSG_NOSIGNAL);
		refused += is_refused(fd);
		close(fd);
	}
	printf("%d of %d refused\n", refused, count);
	return refused != count;
}

static struct serve_request good_request(const char *name)
{
	struct serve_request request = { .magic = SERVE_REQUEST, .version = SERVE_VERSION };

	snprintf(request.name, sizeof(request.name), "%s", name);
	return request;
}

static int run_cut(int argc, char **argv)
{
	struct serve_request request = good_request(argv[3]);
	int refused = 0;

	(void)argc;
	for (size_t size = 1; size < sizeof(request); size++) {
		int fd = join();

		send(fd, &request, size, MSG_NOSIGNAL);
		refused += is_refused(fd);
		close(fd);
	}
	printf("%d of %zu refused\n", refused, sizeof(request) - 1);
	return refused != sizeof(request) - 1;
}

/* Also copies of the connection itself, which keep each other alive. */
static void send_files(int fd, const struct serve_request *request, size_t size)
{
	char control[CMSG_SPACE(FILES * sizeof(int))] = {};
	struct iovec bytes = { (void *)request, size };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(FILES * sizeof(int));
	for (int i = 0; i < FILES; i++)
		memcpy(CMSG_DATA(header) + i * sizeof(int), i % 2 ? &fd : &(int){ 0 }, sizeof(int));
	sendmsg(fd, &message, MSG_NOSIGNAL);
}

static int run_files(int argc, char **argv)
{
	struct serve_request request = good_request(argv[3]);
	int count = argc > 4 ? atoi(argv[4]) : 1;

	for (int i = 0; i < count; i++) {
		struct pollfd wanted = { .fd = join(), .events = POLLIN };

		send_files(wanted.fd, &request, i % 2 ? sizeof(request) : sizeof(request) / 2);
		poll(&wanted, 1, 5000);
		close(wanted.fd);
	}
	return 0;
}

static int run_crowd(int argc, char **argv)
{
	struct rlimit files;
	int count = argc > 3 ? atoi(argv[3]) : 1, refused = 0, late = 0;
	char text[512] = "";
	int *fds = calloc(count, sizeof(*fds));

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (!fds)
		return 1;
	for (int i = 0; i < count; i++)
		fds[i] = join();
	for (int i = 0; i < count; i++) {
		refused += is_refused_so(fds[i], text);
		late += !strcmp(text, "nothing was asked for");
	}
	printf("%d of %d refused, %d at once\n", refused, count, refused - late);
	return refused != count;
}

/* What is kept of it is down, then. */
static int run_keep(int argc, char **argv)
{
	struct lana_socket *socket = request(argv[3], NULL);
	unsigned char frame[2048];
	ssize_t size = 0;

	(void)argc;
	shutdown(socket->server, SHUT_RDWR);
	for (int i = 0; i < 50 && size != -ENETDOWN; i++)
		size = lana_socket_recv(socket, frame, sizeof(frame), NULL, SECOND / 10);
	puts(size == -ENETDOWN ? "down" : "up");
	return size != -ENETDOWN;
}

/* He may be refused for another reason meanwhile, for what others do in his name. */
static int run_churn(int argc, char **argv)
{
	struct lana_error error = {};
	struct lana_socket *socket;
	int count = 0;

	(void)argc;
	for (int i = 0; i < 300 && !strstr(error.text, "too fast"); i++)
		if (!lana_socket_request(path, argv[3], NULL, &socket, &error)) {
			lana_socket_close(socket);
			count++;
		} else {
			usleep(20000);
		}
	printf("%d, then %s\n", count, error.text);
	return !strstr(error.text, "too fast");
}

#define HOARD_MAX 64

/* Bytes of the memory of frames that are still there. */
static long long memory_left(const struct lana_socket *socket)
{
	struct stat status = {};

	fstat(socket->parts.fds[SOCKET_FD_MEMORY], &status);
	return status.st_blocks * 512LL;
}

static int run_hoard(int argc, char **argv)
{
	struct lana_error error = {};
	struct lana_socket *sockets[HOARD_MAX + 1];
	long long left = 0;
	int count = 0, again;

	(void)argc;
	while (count < HOARD_MAX &&
	       !lana_socket_request(path, argv[3], NULL, &sockets[count], &error))
		serve_end(sockets[count++]->server);
	for (int i = 0; i < count; i++)
		left += memory_left(sockets[i]);
	printf("%d, then %s\n%lld bytes left\n", count, error.text, left);
	if (!count)
		return 1;
	lana_socket_leave(sockets[0]);
	again = lana_socket_request(path, argv[3], NULL, &sockets[0], &error);
	puts(again ? error.text : "one more when one was let go");
	return again != 0;
}

/* Users of a group, whose policy does not allow that MTU. */
static int run_users(int argc, char **argv)
{
	const struct lana_socket_options options = { .mtu = LANA_SOCKET_MTU_MAX };
	int count = argc > 4 ? atoi(argv[4]) : 1, refused = 0;
	char text[512] = "";

	if (setegid(65500))
		return 1;
	for (int i = 0; i < count; i++) {
		struct lana_error error = {};
		struct lana_socket *socket;

		if (seteuid(100000 + i) ||
		    !lana_socket_request(path, argv[3], &options, &socket, &error) || seteuid(0))
			return 1;
		refused += !strcmp(error.text, "MTU 3490: the policy allows 1500");
		strcpy(text, error.text);
	}
	printf("%d of %d, the last one: %s\n", refused, count, text);
	return refused != count;
}

static int run_deaf(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), fd;

	(void)argc, (void)argv;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 0))
		return 1;
	do
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	while (!connect(fd, (void *)&address, sizeof(address)));
	puts("open");
	fflush(stdout);
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int words;
		int (*run)(int argc, char **argv);
	} modes[] = {
		{ "echo", 4, run_echo },   { "ping", 4, run_ping },   { "garbage", 3, run_garbage },
		{ "cut", 4, run_cut },	   { "files", 4, run_files }, { "crowd", 3, run_crowd },
		{ "churn", 4, run_churn }, { "keep", 4, run_keep },   { "hoard", 4, run_hoard },
		{ "users", 4, run_users }, { "deaf", 3, run_deaf },
	};

	if (argc < 3)
		return usage();
	path = argv[1];
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(argv[2], modes[i].name) && argc >= modes[i].words)
			return modes[i].run(argc, argv);
	return usage();
}
