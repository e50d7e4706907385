import { afterAll, beforeAll, expect, it } from 'vitest';
import { documentEnded, startService, type TestService } from '../support/service.ts';
import { openWebSite, page, type WebSite } from '../support/web-site.ts';

let service: TestService;
let site: WebSite;
beforeAll(async () => {
  site = await openWebSite({ '/page': page('never read') });
  service = await startService({ URL_ALLOW: 'localhost,*.example.org' });
});
afterAll(async () => {
  await service?.stop();
  await site?.close();
});

const post = (url: string) => service.admin.post('/api/v1/documents', { url });

it('as it comes, nothing of the own machine is fetched, by whatever name', async () => {
  const accepted = await post(`http://localhost:${site.port}/page`);
  expect(accepted.status, accepted.text).toBe(202);
  expect(await documentEnded(service.admin, accepted.body.id)).toMatchObject({
    status: 'failed',
    error: { code: 'url_refused', retryable: false },
  });
  expect(site.seen).toEqual([]);
});

it.each(['http://127.0.0.1/', 'https://example.com/', 'https://example.org/', 'https://evil-example.org/'])(
  '%s is not on the list',
  async (url) => {
    expect((await post(url)).body).toMatchObject({ code: 'url_refused', errors: [{ pointer: '/url' }] });
  },
);
