// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "cleanup.h"
#include "device.h"
#include "error.h"
#include "netns.h"
#include "peer.h"

static int refuse_peer(int err, const char *name, struct lana_error *error)
{
	return refuse(error, err,
		      "the other end of '%s' would lose what XDP sends there and cannot be mended "
		      "(%s): switch GRO on there (ethtool -K … gro on), or hook all with skb or tc",
		      name, strerror(-err));
}

/* Can XDP in some driver lead packets out by devices of this stack? */
static bool has_xdp(const struct lana_stack *stack)
{
	registry_for_each (stack->registry, idp)
		if (stack->registry->records[idp].device.hook == LANA_HOOK_XDP)
			return true;
	return false;
}

void peer_release(const struct device_record *record)
{
	_cleanup_(netns_leave_p) int before = -1;
	struct device device;

	if (!device_enter(record, &device, &before))
		device_switch_peer(&device, false);
}

void peers_release(struct lana_stack *stack, const struct peers *switched)
{
	registry_for_each (stack->registry, idp) {
		struct device_record *record = &stack->registry->records[idp].device;

		if (!(switched->bits[idp / 64] & 1ULL << (idp % 64)))
			continue;
		peer_release(record);
		record->peer_gro = false;
	}
}

int peers_ready(struct lana_stack *stack, struct peers *switched, struct lana_error *error)
{
	if (!has_xdp(stack))
		return 0;
	registry_for_each (stack->registry, idp) {
		struct record *record = &stack->registry->records[idp];
		_cleanup_(netns_leave_p) int before = -1;
		struct device device;
		bool idle = false;
		int err;

		if (record->device.hook == LANA_HOOK_NONE || record->device.is_socket ||
		    record->device.peer_gro || device_enter(&record->device, &device, &before))
			continue;
		err = device_peer_is_idle(&device, &idle);
		if (!err && idle) {
			record->device.peer_gro = true;
			switched->bits[idp / 64] |= 1ULL << (idp % 64);
			err = device_switch_peer(&device, true);
		}
		if (err)
			return refuse_peer(err, record->name, error);
	}
	return 0;
}
