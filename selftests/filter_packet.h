/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * filter_packet.h - random packets of the protocols that packet filters know
 *
 * Addresses, ports and tags come from small sets, named below, so that filters match now and then.
 * Some packets are changed at a few bytes or cut anywhere behind the Ethernet header. All of it
 * follows from random().
 */
#ifndef FILTER_PACKET_H
#define FILTER_PACKET_H

#define FILTER_PACKET_MAX 1024

/*
 * MACs	   02:00:00:00:00:01 and :02, ff:ff:ff:ff:ff:ff, 01:00:5e:00:00:05, 33:33:00:00:00:01,
 *	   01:80:c2:00:00:00
 * IPv4	   10.0.0.1, 10.0.0.2, 10.0.1.7, 192.168.1.200, 224.0.0.5, 255.255.255.255
 * IPv6	   2001:db8::1, 2001:db8::2, 2001:db8:1::7, fe80::1, ff02::1
 * ports   20, 22, 53, 80, 443, 4789, 6081, 8080
 * tags	   VLAN 5, 6, 100; MPLS 16, 1000; PPPoE sessions 1, 2; Geneve 0x123456
 */

/* Write a packet; its size. */
unsigned int filter_packet(unsigned char bytes[FILTER_PACKET_MAX]);

#endif
