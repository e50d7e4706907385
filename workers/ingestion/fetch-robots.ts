import { LRUCache } from 'lru-cache';
import robotsParser from 'robots-parser';
import { AppError } from '../../src/errors.ts';

/** How long a site's rules are believed: RFC 9309 allows a day; an hour lets a site that changes its mind be heard. */
const believedMs = 3_600_000;

/** Bytes of a robots.txt that are read; RFC 9309 asks for at least 500 kB. */
export const robotsBytes = 512 * 1024;

/** What a site says: its robots.txt, or that it has none that could be read. */
export type RobotsReply = { status: number; text: string };

export interface Robots {
  /** @throws AppError `robots_denied`; `url_unreachable` when the site can't say now whether it allows it */
  check(url: URL, signal: AbortSignal): Promise<void>;
}

/** The rules of sites (RFC 9309) for who calls itself `userAgent`. `read` fetches a robots.txt. */
export function createRobots(
  userAgent: string,
  read: (url: URL, signal: AbortSignal) => Promise<RobotsReply>,
): Robots {
  const rules = new LRUCache<string, ReturnType<typeof robotsParser>>({ max: 1000, ttl: believedMs });
  const name = (userAgent.split(/[/ ]/)[0] as string).toLowerCase();
  return {
    async check(url, signal) {
      let site = rules.get(url.origin);
      if (!site) {
        const place = new URL('/robots.txt', url);
        site = robotsParser(place.href, rulesFor(name, await allowing(place, read, signal)));
        rules.set(url.origin, site);
      }
      if (site.isAllowed(url.href, name) === false)
        throw new AppError(
          'robots_denied',
          `The robots.txt of ${url.host} forbids ${name} to fetch this URL.`,
        );
    },
  };
}

/** A site that has no rules allows all; one that is in trouble is to be asked later. */
async function allowing(
  place: URL,
  read: (url: URL, signal: AbortSignal) => Promise<RobotsReply>,
  signal: AbortSignal,
): Promise<string> {
  const { status, text } = await read(place, signal);
  if (status >= 500 || status === 429)
    throw new AppError(
      'url_unreachable',
      `The robots.txt of ${place.host} answers ${status}: asked again later.`,
    );
  return status === 200 ? text : '';
}

/**
 * The lines that matter to `name`. The parser keeps a list of every rule for every name before it: a file of names alone, then
 * of rules alone, would make millions of them.
 */
function rulesFor(name: string, text: string): string {
  const kept: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    const agent = /^\s*user-agent\s*:([^#]*)/i.exec(line)?.[1]?.trim().split('/')[0]?.trim().toLowerCase();
    const short = agent === undefined ? line : `user-agent: ${agent === name || agent === '*' ? agent : '-'}`;
    if (agent === undefined || kept.at(-1) !== short) kept.push(short);
  }
  return kept.join('\n');
}
