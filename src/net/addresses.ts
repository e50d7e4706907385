import ipaddr from 'ipaddr.js';

/** What an address must be to be connected to: of the public internet, or of our own networks as well. */
export type Reach = 'public' | 'private-too';

const ownNetworks = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat']);

/**
 * Where clouds tell a machine about itself, credentials included: refused whatever the configuration. Those within
 * 169.254.0.0/16 are refused with all that is link-local; 168.63.129.16 (Azure) would count as public.
 */
const metadataServices = ['168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'];

/** The only part of IPv6 that is assigned to the public internet (RFC 4291, IANA's registry of global unicast). */
const globalUnicast = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/**
 * Whether a connection may go there. What carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo) is refused: it would
 * end somewhere else than it says.
 */
export function mayConnect(address: string, reach: Reach): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (metadataServices.some((service) => ipaddr.parse(service).toString() === parsed.toString()))
    return false;
  const range = parsed.range();
  if (ownNetworks.has(range)) return reach === 'private-too';
  if (range !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(globalUnicast);
}

/** The address that a URL's host is, without brackets; undefined when it is a name. WHATWG URLs have every spelling resolved. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? bare : undefined;
}
