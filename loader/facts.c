// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cleanup.h"
#include "facts.h"

static int map_of(const struct type *type, const char *name)
{
	return bpf_object__find_map_fd_by_name(type->object, name);
}

/* Let device maps lead to a device; ifindex 0: to none. */
static int write_devmaps(const struct type *type, __u32 idp, __u32 ifindex)
{
	static const char *const maps[] = { "lana_devices_xdp", "lana_devices_tc" };
	struct bpf_devmap_val value = { .ifindex = ifindex };

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		int map = map_of(type, maps[i]);

		if (ifindex ? bpf_map_update_elem(map, &idp, &value, BPF_ANY)
			    : bpf_map_delete_elem(map, &idp))
			return -errno;
	}
	return 0;
}

/*
 * Let an index lead to the block of its device: idp, or (0) that of another one that is hooked.
 * Several namespaces may have such a device; then it leads nowhere, as a program cannot tell in
 * which one it runs.
 */
static int write_slot(struct lana_stack *stack, const struct type *type, __u32 ifindex, __u32 idp,
		      __u32 except)
{
	int map = map_of(type, "lana_slots");
	__u32 found = idp, count = !!idp;

	registry_for_each (stack->registry, other) {
		const struct device_record *device = &stack->registry->records[other].device;

		if (other == except || device->hook == LANA_HOOK_NONE || device->ifindex != ifindex)
			continue;
		found = other;
		count++;
	}
	if (count > 1)
		found = 0;
	if (count ? bpf_map_update_elem(map, &ifindex, &found, BPF_ANY)
		  : bpf_map_delete_elem(map, &ifindex) && errno != ENOENT)
		return -errno;
	return 0;
}

int facts_write(struct lana_stack *stack, const struct type *type, __u32 idp, const char *name,
		const struct device *device, enum lana_hook hook)
{
	struct lana_device_facts facts = {
		.ifindex = device->ifindex,
		.mtu = device->mtu < 0xffff ? device->mtu : 0xffff,
		.name = registry_hash(name),
		.tc = hook == LANA_HOOK_TC,
	};
	int err;

	memcpy(facts.mac, device->mac, sizeof(facts.mac));
	err = write_devmaps(type, idp, device->ifindex);
	if (!err)
		err = write_slot(stack, type, device->ifindex, idp, idp);
	if (!err && bpf_map_update_elem(map_of(type, "lana_facts"), &idp, &facts, BPF_ANY))
		err = -errno;
	return err;
}

void facts_clear(struct lana_stack *stack, const struct type *type, __u32 idp)
{
	static const struct lana_device_facts none;
	int map = map_of(type, "lana_facts");
	struct lana_device_facts facts;

	write_devmaps(type, idp, 0);
	if (bpf_map_lookup_elem(map, &idp, &facts) || !facts.ifindex)
		return;
	bpf_map_update_elem(map, &idp, &none, BPF_ANY);
	write_slot(stack, type, facts.ifindex, 0, idp);
}
