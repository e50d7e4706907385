import { describe, expect, it } from 'vitest';
import { literalAddress, mayConnect } from '../../../src/net/addresses.ts';
import { checkUrl } from '../../../src/net/url-policy.ts';

const nowhere = [
  ...[
    '0.0.0.0',
    '0.1.2.3',
    '255.255.255.255',
    '224.0.0.1',
    '240.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '203.0.113.9',
  ],
  ...['169.254.169.254', '169.254.0.1', '168.63.129.16', '100.100.100.200', '192.0.0.192', 'fd00:ec2::254'],
  ...['::', 'fe80::1', 'fec0::1', 'ff02::1', '2001:db8::1', '100::1', '2001::1', '4000::1'],
  // IPv4 inside: mapped, compatible, translated, NAT64, its local prefix, 6to4
  ...[
    '::ffff:8.8.8.8',
    '::8.8.8.8',
    '::ffff:0:8.8.8.8',
    '64:ff9b::808:808',
    '64:ff9b:1::7f00:1',
    '2002:7f00:1::',
  ],
  ...['', 'example.org', '8.8.8.8.'],
];
const own = [
  '127.0.0.1',
  '127.8.8.8',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '100.64.0.1',
  '::1',
  'fd12::1',
];
const everywhere = ['8.8.8.8', '93.184.215.14', '2606:4700::1111', '2a00:1450:4001::200e'];

describe('addresses', () => {
  it.each(nowhere)('%s is never connected to', (address) => {
    expect([mayConnect(address, 'public'), mayConnect(address, 'private-too')]).toEqual([false, false]);
  });
  it.each(own)('%s is where the configuration allows own networks', (address) => {
    expect([mayConnect(address, 'public'), mayConnect(address, 'private-too')]).toEqual([false, true]);
  });
  it.each(everywhere)('%s is', (address) => {
    expect([mayConnect(address, 'public'), mayConnect(address, 'private-too')]).toEqual([true, true]);
  });
});

describe('hosts that are addresses', () => {
  it.each([
    ['http://127.0.0.1/', '127.0.0.1'],
    ['http://2130706433/', '127.0.0.1'],
    ['http://0x7f.1/', '127.0.0.1'],
    ['http://0177.0.0.01/', '127.0.0.1'],
    ['http://127.1/', '127.0.0.1'],
    ['http://１２７．０．０．１/', '127.0.0.1'],
    ['http://127.0.0.1./', '127.0.0.1'],
    ['http://[::1]/', '::1'],
    ['http://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
    ['http://localhost/', undefined],
    ['http://127.0.0.1.example.org/', undefined],
  ])('%s', (url, address) => {
    expect(literalAddress(new URL(url))).toBe(address);
  });
});

describe('checkUrl', () => {
  const allow = ['docs.example.org', '*.example.com'];
  const refusal = (url: string, policy = { on: true, allow, reach: 'public' as const }) => {
    try {
      checkUrl(new URL(url), policy);
      return undefined;
    } catch (error) {
      return error as { code: string; message: string };
    }
  };

  it.each(['https://docs.example.org/a', 'http://DOCS.example.org:8080/', 'https://a.b.example.com/'])(
    'lets %s pass',
    (url) => {
      expect(refusal(url)).toBeUndefined();
    },
  );
  it.each([
    'https://example.org/',
    'https://example.com/',
    'https://evilexample.com/',
    'https://docs.example.org.evil.net/',
    'ftp://docs.example.org/',
    'file:///etc/passwd',
    'https://user:secret@docs.example.org/',
  ])('refuses %s', (url) => {
    expect(refusal(url)).toMatchObject({
      code: 'url_refused',
      message: expect.stringMatching(/^[A-Z].+\.$/),
    });
    expect(refusal(url)?.message).not.toContain('secret');
  });
  it('refuses all when it is off, and addresses that are not public', () => {
    expect(refusal('https://docs.example.org/', { on: false, allow, reach: 'public' })?.message).toContain(
      'URL_INGESTION',
    );
    expect(refusal('http://2130706433/', { on: true, allow: [], reach: 'public' })?.code).toBe('url_refused');
  });
});
